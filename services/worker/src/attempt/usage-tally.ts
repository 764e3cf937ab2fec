// PURE
import { cleanText, cutText, type UsageEntry } from "@boocode/contracts";
import type { CallUsage } from "../turn/ports.ts";

/** Adds up what the model calls of a turn use. Of each step, only the last call's reply can become a part of the conversation. */
export interface UsageTally {
  /** The prompt of the next calls has about this many tokens; used for servers that do not count them. */
  expect(promptTokens: number): void;
  /** A call ended, in whatever way. @param model the requested one; null: the server's default */
  add(model: string | null, call: CallUsage): void;
  /** The usage of all attempts, if the current step ended here: all its calls are broken. */
  sum(): UsageEntry[];
  /** The usage of all attempts, if the last call's reply is a part of the conversation. */
  sumWithReply(): UsageEntry[];
  /** The step was committed with the last call's reply. */
  commit(): void;
}

const MODEL_CHARACTERS = 200;

/** @param earlier the usage of the turn's earlier attempts */
export function createUsageTally(earlier: readonly UsageEntry[]): UsageTally {
  let committed = earlier;
  /** The calls of the current step. */
  let open: UsageEntry[] = [];
  let expected = 0;

  function sumWithReply(): UsageEntry[] {
    const reply = open.slice(-1).map((entry): UsageEntry => ({ ...entry, kind: "answer" }));
    return merged([...committed, ...open.slice(0, -1), ...reply]);
  }

  return {
    expect: (promptTokens) => {
      expected = promptTokens;
    },
    add: (model, call) => void open.push(brokenCall(model, call, expected)),
    sum: () => merged([...committed, ...open]),
    sumWithReply,
    commit() {
      committed = sumWithReply();
      open = [];
    },
  };
}

function brokenCall(model: string | null, call: CallUsage, expected: number): UsageEntry {
  const prompt = call.promptTokens ?? expected;
  const answer = call.answerTokens ?? call.answerEstimate;
  const estimated = (call.promptTokens === null ? prompt : 0) + (call.answerTokens === null ? answer : 0);
  return {
    kind: "broken",
    model: cutText(cleanText(model ?? call.model ?? ""), MODEL_CHARACTERS) || "default",
    calls: 1,
    prompt_tokens: prompt,
    cached_tokens: Math.min(call.cachedTokens ?? 0, prompt),
    answer_tokens: answer,
    reasoning_tokens: Math.min(call.reasoningTokens ?? 0, answer),
    estimated_tokens: estimated,
  };
}

/** One entry per kind and model. */
function merged(entries: readonly UsageEntry[]): UsageEntry[] {
  const sums = new Map<string, UsageEntry>();
  for (const entry of entries) {
    const key = `${entry.kind} ${entry.model}`;
    const sum = sums.get(key);
    sums.set(key, sum ? plus(sum, entry) : entry);
  }
  return [...sums.values()];
}

const plus = (a: UsageEntry, b: UsageEntry): UsageEntry => ({
  ...a,
  calls: a.calls + b.calls,
  prompt_tokens: a.prompt_tokens + b.prompt_tokens,
  cached_tokens: a.cached_tokens + b.cached_tokens,
  answer_tokens: a.answer_tokens + b.answer_tokens,
  reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
  estimated_tokens: a.estimated_tokens + b.estimated_tokens,
});
