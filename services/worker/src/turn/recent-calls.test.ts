import type { MessageContext, RecentCall } from "@boocode/contracts";
import { describe, expect, it } from "vitest";
import { NO_CUT } from "./fit-context.ts";
import { recentCount, recentCut, recentWindow } from "./recent-calls.ts";

const cut = { turn: 7, elided_turn: 9, elided_outputs: 2 };
function call(context: Partial<MessageContext>, counts: Partial<RecentCall> = {}): RecentCall {
  const whole = {
    model: "m",
    window: 8_000,
    window_known: true,
    turns_dropped: 6,
    outputs_elided: 2,
    prompt_estimate: 6_000,
    prompt_characters: 20_000,
    prompt_uncorrected: 6_100,
    truncated_by_server: false,
    cut,
  };
  return { context: { ...whole, ...context }, tokens_used: 100, ctx_used: 5_100, ctx_max: 8_000, ...counts };
}

describe("the earlier model calls of a session", () => {
  it("give the token count of the prompt for this model, without the answer", () => {
    expect(recentCount([call({ model: "other" }), call({})], "m")).toEqual({
      promptTokens: 5_000,
      estimated: 6_100,
    });
    expect(recentCount([call({}, { ctx_used: null })], "m")).toBeNull();
  });

  it("give the count of a call that an earlier version recorded, with an estimate from its characters", () => {
    const old = call({ prompt_uncorrected: undefined });
    expect(recentCount([old], "m")).toEqual({ promptTokens: 5_000, estimated: Math.ceil(20_000 / 3.6) });
  });

  it("give no token count for a prompt that the server truncated", () => {
    expect(recentCount([call({ truncated_by_server: true })], "m")).toBeNull();
  });

  it("give the context window that the server reported with an answer of this model", () => {
    expect(recentWindow([call({}, { ctx_max: null }), call({})], "m")).toBe(8_000);
    expect(recentWindow([call({})], "other")).toBeNull();
  });

  it("give the cut of the last request for the same model and window", () => {
    const none = { cut: NO_CUT, turnsDropped: 0, hadAll: false, mayRestore: false };
    expect(recentCut([call({})], "m", 8_000)).toEqual({
      ...{ cut, turnsDropped: 6, hadAll: false, mayRestore: false },
    });
    expect(recentCut([call({ turns_dropped: 0 })], "m", 8_000)).toMatchObject({ hadAll: true });
    expect(recentCut([call({})], "other", 8_000)).toEqual(none);
    expect(recentCut([call({})], "m", 16_000)).toEqual(none);
    expect(recentCut([], "m", 8_000)).toEqual(none);
  });

  it("tell when there may be room again for what was left out", () => {
    expect(recentCut([call({ prompt_estimate: 2_000 })], "m", 8_000)).toEqual({
      cut,
      turnsDropped: 6,
      hadAll: false,
      mayRestore: true,
    });
  });
});
