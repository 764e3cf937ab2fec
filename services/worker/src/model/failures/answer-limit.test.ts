import { describe, expect, it } from "vitest";
import { answerLimitIn, refusesAnswerLimit } from "./answer-limit.ts";

const ASKED = 16_384;

describe("answerLimitIn", () => {
  it.each([
    // OpenAI, DeepSeek, older vLLM.
    "This model's maximum context length is 20000 tokens. However, you requested 21384 tokens (5000 in the messages, 16384 in the completion). Please reduce the length of the messages or completion.",
    "This model's maximum context length is 20000 tokens, however you requested 21384 tokens (5000 in your prompt; 16384 for the completion). Please reduce your prompt; or completion length.",
    // vLLM.
    "'max_tokens' or 'max_completion_tokens' is too large: 16384. This model's maximum context length is 20000 tokens and your request has 5000 input tokens (16384 > 20000 - 5000).",
    "You passed 5000 input tokens and requested 16384 output tokens. However, the model's context length is only 20000 tokens, resulting in a maximum input length of 3616 tokens.",
    // SGLang, OpenRouter, TGI, Anthropic.
    "Requested token count exceeds the model's maximum context length of 20000 tokens. You requested a total of 21384 tokens: 5000 tokens from the input messages and 16384 tokens for the completion.",
    "This endpoint's maximum context length is 20000 tokens. However, you requested about 21384 tokens (5000 of text input, 16384 in the output).",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 20000. Given: 5000 `inputs` tokens and 16384 `max_new_tokens`",
    "input length and `max_tokens` exceed context limit: 5000 + 16384 > 20000, decrease input length or `max_tokens` and try again",
  ])("reads the room that the window leaves: %s", (message) => {
    for (const error of [message, { message, type: "invalid_request_error", code: 400 }])
      expect(answerLimitIn(error, ASKED)).toEqual({ tokens: 15_000, lasts: false });
  });

  it.each([
    "max_tokens is too large: 16384. This model supports at most 4096 completion tokens, whereas you provided 16384.",
    "Invalid max_tokens value, the valid range of max_tokens is [1, 4096]",
    "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 4096]",
    "max_tokens: 16384 > 4096, which is the maximum allowed number of output tokens for claude-3-haiku-20240307",
    "`max_tokens` must be less than or equal to `4096`, the maximum value for `max_tokens` is less than the `context_window` for this model",
    "Unable to submit request because it has a maxOutputTokens value of 16384 but the supported range is from 1 (inclusive) to 4097 (exclusive).",
    "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4097.",
    "max_tokens (16384) exceeds the maximum of 4,096 for gpt-4-0613",
  ])("reads the server's own maximum: %s", (message) => {
    expect(answerLimitIn({ message }, ASKED)).toEqual({ tokens: 4_096, lasts: true });
  });

  it("reads it from other fields of the error, and from a validation error", () => {
    const param = "max_tokens is too large: 16384. This model supports at most 4096 completion tokens";
    expect(answerLimitIn({ message: "Param Incorrect", param }, ASKED)).toEqual({ tokens: 4_096, lasts: true });
    const detail = [{ loc: ["body", "max_tokens"], msg: "Input should be less than or equal to 4096", input: ASKED }];
    expect(answerLimitIn({ detail }, ASKED)).toEqual({ tokens: 4_096, lasts: true });
  });

  it("is a quarter of what was requested when the error names no maximum, and what the balance affords", () => {
    expect(answerLimitIn("max_tokens is too large", ASKED)).toEqual({ tokens: 4_096, lasts: true });
    const credits =
      "This request requires more credits, or fewer max_tokens. You requested up to 16384 tokens, but can only afford 2100.";
    expect(answerLimitIn(credits, ASKED)).toEqual({ tokens: 2_100, lasts: false });
  });

  it.each([
    "prompt is too long: 21000 tokens > 20000 maximum",
    "This model's maximum context length is 20000 tokens. However, your messages resulted in 35569 tokens.",
    "Context size has been exceeded.",
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "Rate limit reached for requests: Limit 6000, Used 5000, Requested 2000. Please try again in 10s.",
    "Tool names must have at most 64 characters",
  ])("finds no limit in: %s", (message) => expect(answerLimitIn({ message }, ASKED)).toBeNull());
});

describe("refusesAnswerLimit", () => {
  it.each([
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    '{"detail":[{"type":"extra_forbidden","loc":["body","max_tokens"],"msg":"Extra inputs are not permitted"}]}',
    "Unrecognized request argument supplied: max_completion_tokens",
    "this model does not support max_tokens",
  ])("recognizes %s", (body) => expect(refusesAnswerLimit(body)).toBe(true));

  it.each(["max_tokens is too large: 16384.", "Unsupported parameter: 'tools'", "unknown model"])("not %s", (body) =>
    expect(refusesAnswerLimit(body)).toBe(false),
  );
});
