import { describe, expect, it } from "vitest";
import type { CallUsage } from "../turn/ports.ts";
import { createUsageTally } from "./usage-tally.ts";

const call = (promptTokens: number | null, answerTokens: number | null, more: Partial<CallUsage> = {}): CallUsage => ({
  ...{ model: null, promptTokens, cachedTokens: null, answerTokens, reasoningTokens: null, answerEstimate: 99 },
  ...more,
});

const entry = (kind: "answer" | "broken", calls: number, prompt: number, answer: number, estimated = 0) => ({
  ...{ kind, model: "m", calls, prompt_tokens: prompt, answer_tokens: answer, estimated_tokens: estimated },
  ...{ cached_tokens: 0, reasoning_tokens: 0 },
});

describe("the tally of a turn", () => {
  it("counts a step's last call as an answer once the step is committed, and the calls before it as broken", () => {
    const tally = createUsageTally([]);
    tally.add("m", call(10, 1));
    tally.add("m", call(20, 2));
    expect(tally.sum()).toEqual([entry("broken", 2, 30, 3)]);
    expect(tally.sumWithReply()).toEqual([entry("broken", 1, 10, 1), entry("answer", 1, 20, 2)]);
    expect(tally.sum()).toEqual([entry("broken", 2, 30, 3)]);
    tally.commit();
    tally.add("m", call(40, 4));
    expect(tally.sum()).toEqual([entry("broken", 2, 50, 5), entry("answer", 1, 20, 2)]);
  });

  it("goes on from the sum of earlier attempts, and keeps models apart", () => {
    const tally = createUsageTally([entry("broken", 3, 30, 3), { ...entry("answer", 1, 5, 5), model: "other" }]);
    tally.add("m", call(1, 1));
    expect(tally.sum()).toEqual([entry("broken", 4, 31, 4), { ...entry("answer", 1, 5, 5), model: "other" }]);
  });

  it("estimates what the server did not count, and says how much that is", () => {
    const tally = createUsageTally([]);
    tally.expect(700);
    tally.add("m", call(null, null));
    tally.add("m", call(10, null));
    tally.add("m", call(null, 5));
    expect(tally.sum()).toEqual([entry("broken", 3, 1_410, 203, 1_598)]);
  });

  it("counts cached and reasoning tokens as parts of prompt and answer, whatever a server reports", () => {
    const tally = createUsageTally([]);
    tally.add("m", call(10, 5, { cachedTokens: 8, reasoningTokens: 4 }));
    tally.add("m", call(10, 5, { cachedTokens: 800, reasoningTokens: 400 }));
    expect(tally.sum()).toMatchObject([{ cached_tokens: 18, reasoning_tokens: 9 }]);
  });

  it("names the requested model, else the one that answered, as a text that fits into an index", () => {
    const tally = createUsageTally([]);
    tally.add(null, call(1, 1, { model: `\0${"x".repeat(5_000)}` }));
    tally.add(null, call(1, 1));
    expect(tally.sum().map(({ model }) => model)).toEqual(["x".repeat(200), "default"]);
  });
});
