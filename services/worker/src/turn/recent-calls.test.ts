import type { MessageContext, RecentCall } from "@boocode/contracts";
import { describe, expect, it } from "vitest";
import { NO_CUT } from "./fit-context.ts";
import { recentCut, recentUsage, recentWindow } from "./recent-calls.ts";

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
    truncated_by_server: false,
    cut,
  };
  return { context: { ...whole, ...context }, tokens_used: 100, ctx_used: 5_100, ctx_max: 8_000, ...counts };
}

describe("the earlier model calls of a session", () => {
  it("give the token count of the prompt for this model, without the answer", () => {
    expect(recentUsage([call({ model: "other" }), call({})], "m")).toEqual({ promptTokens: 5_000, characters: 20_000 });
    expect(recentUsage([call({}, { ctx_used: null })], "m")).toBeNull();
  });

  it("give no token count for a prompt that the server truncated", () => {
    expect(recentUsage([call({ truncated_by_server: true })], "m")).toBeNull();
  });

  it("give the context window that the server reported with an answer of this model", () => {
    expect(recentWindow([call({}, { ctx_max: null }), call({})], "m")).toBe(8_000);
    expect(recentWindow([call({})], "other")).toBeNull();
  });

  it("give the cut of the last request for the same model and window", () => {
    expect(recentCut([call({})], "m", 8_000)).toEqual({ cut, turnsDropped: 6 });
    expect(recentCut([call({})], "other", 8_000).cut).toEqual(NO_CUT);
    expect(recentCut([call({})], "m", 16_000).cut).toEqual(NO_CUT);
    expect(recentCut([], "m", 8_000)).toEqual({ cut: NO_CUT, turnsDropped: 0 });
  });

  it("give no cut once there is room again for what was left out", () => {
    expect(recentCut([call({ prompt_estimate: 2_000 })], "m", 8_000).cut).toEqual(NO_CUT);
  });
});
