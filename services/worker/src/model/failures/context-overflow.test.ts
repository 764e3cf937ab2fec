import { describe, expect, it } from "vitest";
import { isContextOverflow, windowFromOverflow } from "./context-overflow.ts";

describe("windowFromOverflow", () => {
  it.each([
    [{ n_ctx: 8192, n_prompt_tokens: 9000 }, "the request exceeds the available context size"],
    [null, "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it"],
    [null, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"],
    [null, "You passed 9000 input tokens. However, the model's context length is only 8192 tokens"],
    [null, "The input token count (9000) exceeds the maximum number of tokens allowed (8192)."],
    [null, "prompt is too long: 9000 tokens > 8192 maximum"],
    [null, "However, the model is loaded with context length of only 8192 tokens, which is not enough."],
    [null, "Prompt contains 9000 tokens, too large for model with 8192 maximum context length"],
  ])("reads the window from %j %s", (error, text) => {
    expect(isContextOverflow(error, text)).toBe(true);
    expect(windowFromOverflow(error, text)).toBe(8192);
  });

  it("returns null when the error states no window", () =>
    expect(windowFromOverflow({}, "Context size has been exceeded.")).toBeNull());
});
