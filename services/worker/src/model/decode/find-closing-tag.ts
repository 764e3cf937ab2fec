import { createCodeTracker } from "./markdown-code.ts";

/** The tags with which models mark reasoning inside their text. */
export const OPEN = "<think>";
export const CLOSE = "</think>";

/** The text before the tag and after it; `after` is null until the tag is found. */
export interface ClosingTagSearch {
  before: string;
  after: string | null;
}

export interface ClosingTagFinder {
  push(text: string): ClosingTagSearch;
  /** Ends the text and returns what was held back. */
  end(): ClosingTagSearch;
}

/**
 * Finds the end of reasoning that began in the prompt (templates of Qwen, DeepSeek and others end with `<think>`), so that
 * the reply contains only `</think>`. The tag counts only at the start or end of a line, outside Markdown code, in a text
 * without an opening tag. Elsewhere the answer is merely about such tags.
 */
export function createClosingTagFinder(): ClosingTagFinder {
  const code = createCodeTracker();
  let held = "";
  let atLineStart = true;
  let over = false;

  function find(text: string, isEnd: boolean): ClosingTagSearch {
    const all = held + text;
    held = "";
    for (let at = 0; at < all.length && !over; at++) {
      const character = all[at] as string;
      if (character === "<" && !code.inside()) {
        const here = all.slice(at);
        const behind = all[at + CLOSE.length];
        const isClose = here.startsWith(CLOSE);
        if (isClose && (atLineStart || behind === "\n" || behind === "\r" || (isEnd && behind === undefined))) {
          over = true;
          return { before: all.slice(0, at), after: here.slice(CLOSE.length) };
        }
        const isOpen = here.startsWith(OPEN);
        if (!isEnd && !isOpen && (CLOSE.startsWith(here) || OPEN.startsWith(here))) {
          held = here;
          return { before: all.slice(0, at), after: null };
        }
        over = isOpen;
      }
      code.step(character);
      atLineStart = character === "\n" || (atLineStart && (character === " " || character === "\t"));
    }
    return { before: all, after: null };
  }

  return {
    push: (text) => find(text, false),
    end: () => find("", true),
  };
}
