import { type ClosingTagSearch, createClosingTagFinder } from "./find-closing-tag.ts";
import type { Piece, TextPiece, ThoughtSplitter } from "./piece.ts";
import { createHarmonySplitter, HARMONY_BEGIN } from "./split-harmony.ts";
import { ANSWER_TAGS, findTag, THINKING_TAGS, type ThinkingTag, tagAt } from "./thinking-tags.ts";

export interface InlineThoughtSplitter extends ThoughtSplitter {
  /** The server sends reasoning in its own field, so tags in the text from here on belong to the answer. */
  expectNoTags(): void;
}

/** After more leading whitespace than this, no tag is expected. */
const MAX_BLANKS = 1_000;

/**
 * Separates reasoning (`<think>…</think>`) that a server left in the content; a tag may be split anywhere. An opening tag
 * counts only at the very start: a later one belongs to the answer, for example one about chat templates. If the opening tag
 * was in the prompt, the reasoning is emitted as text until its closing tag arrives.
 */
export function createThoughtSplitter(): InlineThoughtSplitter {
  let state: "start" | "thinking" | "after-thought" | "undecided" | "answer" | "harmony" = "start";
  let held = "";
  let hasTags = true;
  let tag = THINKING_TAGS[0] as ThinkingTag;
  /** The tag that closes the answer, if an opening one was seen. */
  let answerEnd: string | null = null;
  const closingTag = createClosingTagFinder();
  const harmony = createHarmonySplitter();

  function push(text: string): Piece[] {
    if (state === "harmony") return harmony.push(text);
    if (state === "undecided") return judged(closingTag.push(text));
    held += text;
    const pieces: Piece[] = [];
    if (state === "start") {
      const begin = held.trimStart();
      const isFar = held.length - begin.length > MAX_BLANKS;
      if (isFar) hasTags = false;
      const open = hasTags ? THINKING_TAGS.find((each) => tagAt(begin, 0, each.open) === "yes") : undefined;
      if (open) {
        tag = open;
        state = "thinking";
        held = begin.slice(open.open.length);
      } else if (!isFar && HARMONY_BEGIN.some((each) => begin.startsWith(each))) {
        state = "harmony";
        held = "";
        return harmony.push(begin);
      } else if (isFar || !mayBecomeTag(begin)) {
        state = hasTags ? "undecided" : "answer";
        if (hasTags) return judged(closingTag.push(take()));
      }
    }
    if (state === "thinking") {
      const { at, isWhole } = findTag(held, tag.close);
      give(pieces, "reasoning", held.slice(0, at));
      held = held.slice(at);
      if (isWhole) {
        state = "after-thought";
        held = held.slice(tag.close.length);
      }
    }
    // Blank lines after the reasoning belong to neither part.
    if (state === "after-thought") {
      held = held.trimStart();
      const again =
        hasTags && answerEnd === null ? THINKING_TAGS.find(({ open }) => tagAt(held, 0, open) === "yes") : undefined;
      if (again) {
        // Some models write several reasoning blocks before the answer.
        tag = again;
        state = "thinking";
        return [...pieces, ...push(take().slice(again.open.length))];
      }
      const found = answerEnd === null && ANSWER_TAGS.find(({ open }) => tagAt(held, 0, open) === "yes");
      if (found) {
        answerEnd = found.close;
        held = held.slice(found.open.length).trimStart();
      }
      const isOpen =
        held === "" ||
        (!answerEnd &&
          [...ANSWER_TAGS, ...(hasTags ? THINKING_TAGS : [])].some(({ open }) => tagAt(held, 0, open) === "maybe"));
      if (!isOpen) state = "answer";
    }
    if (state === "answer") giveAnswer(pieces);
    return pieces;
  }

  function mayBecomeTag(begin: string): boolean {
    const starts = [...(hasTags ? THINKING_TAGS.map(({ open }) => open) : []), ...HARMONY_BEGIN];
    return starts.some((start) => tagAt(begin, 0, start) === "maybe");
  }

  /** Holds back the answer's closing tag, which is dropped if nothing follows it. */
  function giveAnswer(pieces: Piece[]): void {
    let end = held.length;
    for (let from = 0; answerEnd !== null && from < end; ) {
      const { at, isWhole } = findTag(held, answerEnd, from);
      from = at + answerEnd.length;
      if (!isWhole || held.slice(from).trim() === "") end = at;
    }
    give(pieces, "text", held.slice(0, end));
    held = held.slice(end);
  }

  function judged({ before, after }: ClosingTagSearch): Piece[] {
    const pieces: Piece[] = [];
    give(pieces, "text", before);
    if (after === null) return pieces;
    state = "after-thought";
    return [...pieces, { type: "text_was_reasoning" }, ...push(after)];
  }

  function take(): string {
    const all = held;
    held = "";
    return all;
  }

  return {
    push,
    expectNoTags() {
      hasTags = false;
    },
    end() {
      if (state === "harmony") return harmony.end();
      if (state === "undecided") return judged(closingTag.end());
      const pieces: Piece[] = [];
      const isMark = answerEnd !== null && tagAt(held, 0, answerEnd) === "yes";
      if (!isMark) give(pieces, state === "thinking" ? "reasoning" : "text", take());
      return pieces;
    },
  };
}

function give(pieces: Piece[], type: TextPiece["type"], text: string): void {
  if (text !== "") pieces.push({ type, text });
}
