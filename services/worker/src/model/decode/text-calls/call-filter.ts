import type { JsonObject } from "../../json-value.ts";
import { createCodeTracker } from "../markdown-code.ts";
import { judgeCalls, markerAt, type Verdict } from "./read-calls.ts";
import { mayBeginReply } from "./unmarked-calls.ts";

/** The end of a text: what may be shown of the rest, the calls, and their text, which was not shown. */
export interface FilteredEnd {
  shown: string;
  calls: { name: string; arguments: JsonObject }[];
  /** Empty, or text that begins as a tool call. Without `calls` it cannot be parsed. */
  callText: string;
}

export interface CallFilter {
  /** @returns the text that may be shown; what may be a tool call is held back. */
  push(text: string): string;
  /** @param ending `cut_short`: the model was stopped. `broken`: the reply is incomplete, so its calls do not count */
  end(ending: "whole" | "cut_short" | "broken"): FilteredEnd;
}

/** Below this length a held text is judged with each piece, above it only when it has grown by half, so that the cost is linear. */
const OFTEN = 512;
const MAX_BLANKS = 64;

/**
 * Finds tool calls in a reply's text. A call with a marker begins at the start of a line, outside Markdown code; one without is
 * the whole reply. Both are followed by nothing but calls. The text of such calls is never shown.
 *
 * @param tools the names of the offered tools
 */
export function createCallFilter(tools: readonly string[]): CallFilter {
  const code = createCodeTracker();
  let shown = "";
  let held = "";
  /** The held text begins like a call; else it may be a part of such a beginning. */
  let isSuspect = false;
  let judgeAt = 0;
  let isReplyStart = true;
  let atLineStart = true;

  function release(length: number): void {
    const text = held.slice(0, length);
    for (const character of text) step(character);
    shown += text;
    held = held.slice(length);
  }

  function step(character: string): void {
    code.step(character);
    isReplyStart = false;
    atLineStart = character === "\n";
  }

  /** Releases the text in front of the next beginning of a call. */
  function scan(): void {
    let place = 0;
    for (; place < held.length; place++) {
      const beginning = beginningAt(place);
      isSuspect = beginning === "yes";
      if (beginning !== "no") break;
      step(held[place] as string);
    }
    shown += held.slice(0, place);
    held = held.slice(place);
    judgeAt = 0;
  }

  function beginningAt(place: number): "yes" | "maybe" | "no" {
    if (isReplyStart) {
      const blanks = /^\s*/.exec(held.slice(0, MAX_BLANKS))?.[0].length ?? 0;
      if (blanks === held.length) return "maybe";
      if (mayBeginReply(held, blanks, tools)) return "yes";
      if (blanks > 0) return markerAt(held, blanks, tools);
    }
    return atLineStart && !code.inside() ? markerAt(held, place, tools) : "no";
  }

  function judge(isEnd: boolean, cutShort: boolean): Verdict {
    for (;;) {
      if (!isSuspect) scan();
      if (!isSuspect) return { kind: "open" };
      const verdict = judgeCalls({ text: held, isEnd, cutShort, tools }, isReplyStart);
      if (verdict.kind !== "text") return verdict;
      isSuspect = false;
      release(verdict.end);
    }
  }

  function take(): string {
    const text = shown;
    shown = "";
    return text;
  }

  return {
    push(text) {
      held += text;
      if (held.length < judgeAt) return "";
      judge(false, false);
      judgeAt = isSuspect && held.length >= OFTEN ? held.length * 1.5 : 0;
      return take();
    },
    end(ending) {
      const verdict = judge(ending !== "broken", ending === "cut_short");
      const callText = isSuspect ? held : "";
      if (!isSuspect) shown += held;
      held = "";
      isSuspect = false;
      return { shown: take(), calls: verdict.kind === "calls" ? verdict.calls : [], callText };
    },
  };
}
