import { describe, expect, it } from "vitest";
import { retryAfterMs, serverFailure } from "./server-failure.ts";

const failure = (status: number | null, error: unknown, visible = false) =>
  serverFailure({ status, error, visible, retryAfterMs: null });

describe("serverFailure", () => {
  it.each([
    [408, ""],
    [409, "swapping"],
    [425, ""],
    [429, { message: "Rate limit reached", code: "rate_limit_exceeded" }],
    [429, { message: "Too many requests", type: "invalid_request_error", code: "concurrency_limit" }],
    [500, { message: "Compute error." }],
    [502, ""],
    [503, { message: "server busy" }],
    [504, ""],
  ])("treats %s as temporary", (status, error) => expect(failure(status, error).retryable).toBe(true));

  it.each([
    [400, { message: "bad" }],
    [401, { message: "no key" }],
    [402, { message: "no money" }],
    [404, { message: "no such model" }],
    [422, { detail: "extra_forbidden" }],
    [429, { message: "You exceeded your quota", code: "insufficient_quota" }],
    [500, { message: "Error: Jinja Exception: roles must alternate" }],
    [500, { message: "Failed to parse messages: x" }],
  ])("treats %s %j as permanent", (status, error) => expect(failure(status, error).retryable).toBe(false));

  it("is never retryable once a part of the answer was seen", () => {
    expect(failure(null, { message: "Provider disconnected" }).retryable).toBe(true);
    expect(failure(null, { message: "Provider disconnected" }, true).retryable).toBe(false);
  });

  it.each([
    { type: "exceed_context_size_error", message: "too big", n_ctx: 4096 },
    { code: "context_length_exceeded", message: "too long" },
    "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
    "Context size has been exceeded.",
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
    "You passed 5000 input tokens and requested 1. However, the model's context length is only 4096 tokens.",
    "Prompt contains 5000 tokens, too large for model with 4096 maximum context length",
  ])("recognizes %j as a context overflow", (error) => {
    expect(failure(400, error)).toMatchObject({ code: "context_overflow", retryable: false, status: 400 });
  });

  it.each([
    [429, { status: "RESOURCE_EXHAUSTED", details: [{ retryDelay: "41s" }], message: "Quota exceeded" }, 41_000],
    [429, { message: "Rate limit reached for tokens per minute. Please try again in 1.5s." }, 1_500],
    [429, { message: "Please try again in 350ms." }, 350],
    [429, { message: "Please try again in 1m2.5s." }, 62_500],
    [429, { message: "Please retry after 55 seconds." }, 55_000],
    [429, { message: "no hint" }, null],
  ])("finds the wait in %s %j", (status, error, wait) => expect(failure(status, error).retryAfterMs).toBe(wait));

  it("finds the window outside the lines that are shown", () => {
    const message = `This model's maximum context length is 4096 tokens.\n${"x ".repeat(100)}\nReceived Model Group=m`;
    expect(failure(400, { message })).toMatchObject({
      code: "context_overflow",
      message: "HTTP 400: Received Model Group=m",
      overflow: { window: 4096 },
    });
  });

  it("says that the key was refused", () => {
    expect(failure(401, { message: "no" }).message).toBe("the model server refused the key (HTTP 401): no");
    expect(failure(403, "").message).toBe("the model server refused the key (HTTP 403)");
  });

  it("recognizes a loading model, and reports the status and the cause", () => {
    expect(failure(503, { message: "Loading model" })).toMatchObject({
      code: "model_loading",
      message: "HTTP 503: Loading model",
    });
    expect(failure(502, "")).toMatchObject({ code: "model_error", message: "HTTP 502" });
  });
});

const now = Date.parse("2026-11-22T10:00:00Z");
const wait = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), now);

describe("retryAfterMs", () => {
  it("prefers milliseconds, then seconds, then a date", () => {
    expect(wait({ "retry-after-ms": "1840", "retry-after": "2" })).toBe(1840);
    expect(wait({ "retry-after": "2" })).toBe(2000);
    expect(wait({ "retry-after": "Sun, 22 Nov 2026 10:00:30 GMT" })).toBe(30_000);
  });

  it("is bounded, and null when the header is missing or invalid", () => {
    expect(wait({ "retry-after": "86400" })).toBe(600_000);
    expect(wait({ "retry-after": "Sun, 22 Nov 2026 09:00:00 GMT" })).toBe(0);
    expect(wait({ "retry-after": "soon" })).toBeNull();
    expect(wait({})).toBeNull();
  });
});
