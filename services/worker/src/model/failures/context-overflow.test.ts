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
    [null, "The decoder prompt (length 9000) is longer than the maximum model length of 8192."],
    [null, "Input validation error: `inputs` must have less than 8192 tokens. Given: 9000"],
    [null, "This model's maximum prompt length is 8192 but the request contains 9000 tokens."],
    [null, "Prompt length (9000) exceeds maximum input length (8192)"],
    [null, "prompt token count of 9000 exceeds the limit of 8192"],
    [null, "Invalid request: Your request exceeded model token limit: 8192"],
    [null, "InternalError.Algo.InvalidParameter: Range of input length should be [1, 8192]"],
    [null, "too many tokens: total number of tokens in the prompt cannot exceed 8192 - received 9000."],
    [null, "Context length 9000 is greater than max_seq_len 8192"],
  ])("reads the window from %j %s", (error, text) => {
    expect(isContextOverflow(error, text)).toBe(true);
    expect(windowFromOverflow(error, text)).toBe(8192);
  });

  it.each(["Prompt 超长", "Input is too long for requested model."])(
    "recognizes an overflow without numbers: %s",
    (text) => {
      expect(isContextOverflow({}, text)).toBe(true);
      expect(windowFromOverflow({}, text)).toBeNull();
    },
  );

  it("returns null when the error states no window", () =>
    expect(windowFromOverflow({}, "Context size has been exceeded.")).toBeNull());
});
