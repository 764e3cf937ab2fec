import { createCodeTracker } from "../markdown-code.ts";
import { mayBeginTag, thinkingTagAt } from "./thinking-tags.ts";

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
 * the reply contains only the closing tag. The tag counts only at the start or end of a line, outside Markdown code, in a text
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
      if (mayBeginTag(character) && !code.inside()) {
        const { close, isOpen, isPart } = thinkingTagAt(all, at);
        const behind = close && all[at + close.length];
        if (close && (atLineStart || behind === "\n" || behind === "\r" || (isEnd && behind === undefined))) {
          over = true;
          return { before: all.slice(0, at), after: all.slice(at + close.length) };
        }
        // A closing tag at the end of the text so far may be at the end of its line.
        const isUndecided = (close && behind === undefined) || isPart;
        if (!isEnd && !isOpen && isUndecided) {
          held = all.slice(at);
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
