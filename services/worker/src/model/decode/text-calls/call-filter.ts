import type { JsonObject } from "../../json-value.ts";
import { createCodeTracker } from "../markdown-code.ts";
import { judgeCalls, markerAt, type Verdict } from "./read-calls.ts";
import { mayBeginReply } from "./unmarked-calls.ts";

/** The result at the end of a text: the rest that may be shown, the calls, and their text, which was held back. */
export interface FilteredEnd {
  shown: string;
  calls: { name: string; arguments: JsonObject }[];
  /** Text that begins as a tool call, or empty. If `calls` is empty, it could not be parsed. */
  callText: string;
}

export interface CallFilter {
  /** @returns the text that may be shown; what may be a tool call is held back. */
  push(text: string): string;
  /** @param ending `cut_short`: by the token limit, for example. `broken`: the stream was cut, so calls do not count */
  end(ending: "whole" | "cut_short" | "broken"): FilteredEnd;
}

/** Above this length, held text is judged again only after it has grown by half, which keeps the total cost linear. */
const ALWAYS_JUDGED_LENGTH = 512;
const MAX_BLANKS = 64;

/**
 * Finds tool calls in a reply's text. A call with a marker starts a line outside Markdown code; calls without markers must be the
 * whole reply. Only further calls may follow a call. The text of calls is not shown.
 *
 * @param tools the names of the offered tools
 */
export function createCallFilter(tools: readonly string[]): CallFilter {
  const code = createCodeTracker();
  let shown = "";
  let held = "";
  /** Whether the held text begins like a call. If not, it may still become the beginning of one. */
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

  /** Releases the text before the next index at which a call may begin. */
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
      judgeAt = isSuspect && held.length >= ALWAYS_JUDGED_LENGTH ? held.length * 1.5 : 0;
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
