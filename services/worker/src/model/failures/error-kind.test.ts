import { describe, expect, it } from "vitest";
import { type ErrorKind, errorKind, isMalformedCallReason } from "./error-kind.ts";
import { errorIn, errorTextOf } from "./error-text.ts";
import { serverFailure } from "./server-failure.ts";

/** [status, or null inside a stream; body], as the providers send them. */
const ERRORS: Record<ErrorKind, [number | null, unknown][]> = {
  malformed_call: [
    [500, msg("The model produced output that does not match the expected peg-native format", "server_error", 500)],
    [null, msg("The model produced output that does not match the expected peg-gemma4 format", "server_error", 500)],
    [500, msg("Failed to parse input at pos 395: <|tool_call_start|>[x(q='invalid api key')]", "server_error", 500)],
    [500, msg("Invalid diff: now finding less tool calls!", "server_error", 500)],
    [500, msg("Failed to parse tool call arguments as JSON: [json.exception.parse_error.101] …", "server_error", 500)],
    [500, { error: { message: "error parsing tool call: raw='{\"path\":', err=unexpected end of JSON input" } }],
    [500, { error: "error parsing tool call: raw='per day, content policy', err=x" }],
    [400, msg("Failed to call a function. Please adjust your prompt.", "invalid_request_error", "tool_use_failed")],
    [null, msg("Failed to call a function. Please adjust your prompt.", "invalid_request_error")],
    [400, msg("tool call validation failed: attempted to call tool 'x' which was not in request.tools", "x")],
    [400, msg("Parsing failed. The model generated output that could not be parsed.", "x", "output_parse_failed")],
    [null, { error: { message: "Failed to parse tool call: Unexpected end of content" } }],
    [500, msg("Failed to parse JSON tool call from the model's output")],
    [
      500,
      msg("The model produced invalid content. Consider modifying your prompt if you are seeing this.", "model_error"),
    ],
    [null, { error: { code: 500, status: "MALFORMED_FUNCTION_CALL", message: "" } }],
    [500, { error: "XML syntax error on line 3: element <parameter> closed by </function>" }],
    [400, msg('unexpected tokens remaining in message header: Some("to=functions.grep")')],
    [null, { error: { message: "Malformed function call: print(default_api.grep())" } }],
    [null, { error: { message: "x", choices: [{ native_finish_reason: "MALFORMED_FUNCTION_CALL" }] } }],
  ],
  quota: [
    [429, msg("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota")],
    [429, msg("Your account is not active, please check your billing details.", "billing_not_active")],
    [402, msg("Insufficient credits. Add more using …", null, 402)],
    [402, msg("Insufficient Balance", "unknown_error", "invalid_request_error")],
    [null, { error: { code: 402, message: "This request requires more credits" } }],
    [null, { error: "insufficient balance" }],
    [400, { type: "error", error: { type: "invalid_request_error", message: "Your credit balance is too low to" } }],
    [429, msg("Your account is suspended, check your plan and billing details", "exceeded_current_quota_error")],
    [429, msg("Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000", null, 429)],
    [429, msg("Rate limit reached for requests per day (RPD): Limit 200. Please try again in 7m12s.", "requests")],
    [
      429,
      [{ error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "You exceeded your current quota", ...perDay() } }],
    ],
    [429, msg("You exceeded your current quota\n* Quota exceeded for metric: x, limit: 0\nPlease retry in 45.5s.")],
    [403, msg("用户额度不足", "new_api_error", "insufficient_user_quota")],
    [429, msg("余额不足或无可用资源包,请充值。", undefined, "1113")],
    [429, msg("ExceededBudget: User=x over budget. Spend=1, Budget=1", "budget_exceeded", "429")],
    [429, { code: "x", error: "Your team has either used all credits or reached its monthly spending limit." }],
    [429, { message: "Monthly usage limit reached" }],
    [403, msg("Key limit exceeded (total limit).", null, 403)],
    [403, msg("The free tier of the model has been exhausted.", null, "AllocationQuota.FreeTierOnly")],
    [500, msg('litellm.RateLimitError: OpenAIException - {"error":{"code":"insufficient_quota"}}')],
  ],
  content: [
    [400, azureFilter()],
    [null, azureFilter()],
    [null, msg("The response was filtered", "content_filter")],
    [400, msg("Content Exists Risk", "invalid_request_error")],
    [null, { code: "DataInspectionFailed", message: "Output data may contain inappropriate content." }],
    [403, { error: { code: 403, message: "Your input was flagged by moderation", metadata: { reasons: ["x"] } } }],
    [500, msg("Your request was rejected as a result of our safety system", "x", "content_policy_violation")],
  ],
  login: [
    [401, msg("Incorrect API key provided: sk-x", "invalid_request_error", "invalid_api_key")],
    [401, { error: { code: "401", message: "Access denied due to invalid subscription key or wrong API endpoint." } }],
    [401, { detail: "Unauthorized" }],
    [403, ""],
    [
      400,
      [
        {
          error: { code: 400, status: "INVALID_ARGUMENT", message: "API key not valid. Please pass a valid API key." },
        },
      ],
    ],
    [null, { type: "error", error: { type: "authentication_error", message: "invalid x-api-key" } }],
    [null, { error: { status: "UNAUTHENTICATED", message: "x" } }],
  ],
  request: [
    [400, msg("bad")],
    [404, msg("no such model")],
    [422, { detail: "extra_forbidden" }],
    [413, msg("too large", "request_too_large")],
    [500, msg("Error: Jinja Exception: roles must alternate", "server_error", 500)],
    [500, msg("Failed to parse messages: x", "server_error", 500)],
    [500, msg("Failed to parse messages: Missing tool call type", "server_error", 500)],
    [null, { error: { status: "INVALID_ARGUMENT", message: "x" } }],
    [null, { type: "error", error: { type: "not_found_error", message: "x" } }],
  ],
  passing: [
    [429, msg("Rate limit reached for tokens per minute", "tokens", "rate_limit_exceeded")],
    [429, msg("Too many requests", "invalid_request_error", "concurrency_limit")],
    [
      429,
      [
        {
          error: {
            code: 429,
            status: "RESOURCE_EXHAUSTED",
            message: "Resource has been exhausted (e.g. check quota).",
          },
        },
      ],
    ],
    [429, msg("You exceeded your current quota, please check your plan and billing details. Please retry in 45.5s.")],
    [429, msg("Requests have exceeded the token rate limit of your tier. Please retry after 55 seconds.", null, "429")],
    [429, msg("Rate limit exceeded: free-models-per-min", null, 429)],
    [529, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }],
    [null, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }],
    [null, { type: "error", error: { type: "api_error", message: "Internal server error" } }],
    [500, msg("Compute error.", "server_error", 500)],
    [503, msg("Loading model", "unavailable_error", 503)],
    [409, "swapping"],
    [524, "<html><title>a timeout occurred</title></html>"],
    [498, msg("Flex tier capacity exceeded", "x", "capacity_exceeded")],
  ],
};

function msg(message: string, type?: string | null, code?: string | number) {
  return { error: { message, ...(type !== undefined && { type }), ...(code !== undefined && { code }) } };
}

function perDay() {
  const violations = ["GenerateRequestsPerMinutePerProjectPerModel", "GenerateRequestsPerDayPerProjectPerModel"];
  const failure = { "@type": "type.googleapis.com/google.rpc.QuotaFailure" };
  return { details: [{ ...failure, violations: violations.map((quotaId) => ({ quotaId })) }, { retryDelay: "41s" }] };
}

function azureFilter() {
  const message = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.";
  const innererror = { code: "ResponsibleAIPolicyViolation", content_filter_result: {} };
  return { error: { message, type: null, param: "prompt", code: "content_filter", status: 400, innererror } };
}

describe.each(Object.entries(ERRORS))("an error of the kind %s", (kind, errors) => {
  it.each(errors)("%s %j", (status, body) => {
    const error = errorIn(typeof body === "string" ? body : JSON.stringify(body));
    expect(errorKind(status, error, errorTextOf(error))).toBe(kind);
    const failure = serverFailure({ status, error, visible: false, retryAfterMs: null });
    expect(failure.retryable).toBe(kind === "passing" || kind === "malformed_call");
    expect(failure.code === "model_malformed_call").toBe(kind === "malformed_call");
    expect(failure.message.includes("refused the key")).toBe(kind === "login" && status !== null);
    // Once text was visible, the request is not retried; a passing error ends only the attempt.
    const late = serverFailure({ status, error, visible: true, retryAfterMs: null });
    expect([late.retryable, late.passing]).toEqual([false, failure.retryable]);
  });
});

it("Gemini's finish reason for a malformed call is recognized in every form", () => {
  const reasons = [
    "MALFORMED_FUNCTION_CALL",
    "function_call_filter: MALFORMED_FUNCTION_CALL",
    "malformed_function_call",
  ];
  expect([...reasons, "function_call_filter: UNEXPECTED_TOOL_CALL"].every(isMalformedCallReason)).toBe(true);
  expect([null, "", "stop", "tool_calls", "function_call"].some(isMalformedCallReason)).toBe(false);
});
