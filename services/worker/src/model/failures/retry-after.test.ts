import { describe, expect, it } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const now = Date.parse("2026-11-22T10:00:00Z");
const wait = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), now);

describe("retryAfterMs", () => {
  it("prefers milliseconds, then seconds, then a date", () => {
    expect(wait({ "retry-after-ms": "1840", "retry-after": "2" })).toBe(1840);
    expect(wait({ "retry-after": "2" })).toBe(2000);
    expect(wait({ "retry-after": "Sun, 22 Nov 2026 10:00:30 GMT" })).toBe(30_000);
  });

  it("is bounded, and null when nothing usable is said", () => {
    expect(wait({ "retry-after": "86400" })).toBe(600_000);
    expect(wait({ "retry-after": "Sun, 22 Nov 2026 09:00:00 GMT" })).toBe(0);
    expect(wait({ "retry-after": "soon" })).toBeNull();
    expect(wait({})).toBeNull();
  });
});
