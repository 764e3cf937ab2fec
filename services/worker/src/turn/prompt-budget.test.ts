import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerLimit, budgetFor, isTruncated } from "./prompt-budget.ts";

const settings = { answerShare: 0.2, answerTokens: 16_384, defaultWindow: 32_768 };
const size = fc.integer({ min: 1, max: 1_000_000 });

describe("the room for a request", () => {
  it("is the context window minus the answer's share, in estimated tokens scaled by the server's last count", () => {
    const budget = budgetFor(settings, 10_000, { promptTokens: 1_000, estimated: 2_000 }, 0, null);
    expect(budget).toMatchObject({ window: 10_000, windowKnown: true, limit: 16_000 });
    expect(budget.correct(2_000)).toBe(1_000);
  });

  it("comes from the default window when the window is unknown, without a correction before the first count", () => {
    const budget = budgetFor(settings, null, null, 0, null);
    expect(budget).toMatchObject({ window: 32_768, windowKnown: false, limit: 32_768 - 6_553 });
    expect(budget.correct(1_234)).toBe(1_234);
  });

  it("reserves no more for the answer than the upper bound", () => {
    expect(budgetFor(settings, 1_000_000, null, 0, null).limit).toBe(1_000_000 - 16_384);
  });

  it("uses the count for what the server has counted, and the estimate for what was added since", () => {
    const counted = { promptTokens: 1_000, estimated: 2_000 };
    expect(budgetFor(settings, 10_000, counted, 3_000, null).correct(5_000)).toBe(4_000);
    // A factor above 1 also applies to what was added, up to a bound.
    const dense = budgetFor(settings, 10_000, { promptTokens: 3_000, estimated: 2_000 }, 1_000, null);
    expect(dense.correct(3_000)).toBe(4_500);
    const hidden = budgetFor(settings, 10_000, { promptTokens: 8_000, estimated: 2_000 }, 100, null);
    expect(hidden.correct(2_100)).toBe(8_200);
  });

  it("is exact: a request of that size fits, and a larger one does not", () => {
    const counts = fc.option(fc.record({ promptTokens: size, estimated: size }));
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 1_000_000 }), counts, fc.nat(100_000), (window, counted, added) => {
        const budget = budgetFor(settings, window, counted, added, null);
        const room = window - Math.min(Math.floor(window * 0.2), 16_384);
        expect(budget.correct(budget.limit)).toBeLessThanOrEqual(room + 1);
        expect(budget.correct(budget.limit + 6)).toBeGreaterThan(room);
      }),
    );
  });

  it("is at least a quarter smaller than a refused request, whatever the server reported", () => {
    const count = fc.option(size);
    fc.assert(
      fc.property(count, count, size, (window, promptTokens, estimated) => {
        const budget = budgetFor(settings, 131_072, null, 0, { window, promptTokens, estimated });
        expect(budget.limit).toBeLessThanOrEqual(estimated * 0.75);
        if (window !== null) expect(budget.window).toBe(window);
      }),
    );
  });

  it("ignores a count that cannot be a count of the whole prompt", () => {
    const tokens = (promptTokens: number, estimated: number) =>
      budgetFor(settings, null, { promptTokens, estimated }, 0, null).correct(estimated);
    expect(tokens(1, 1_000)).toBe(200);
    expect(tokens(100_000, 1_000)).toBe(4_000);
  });
});

describe("the limit of an answer", () => {
  it("is the rest of the window, at most the setting, and never too little to answer", () => {
    expect(answerLimit(settings, 8_192, 6_000)).toBe(2_192);
    expect(answerLimit(settings, 131_072, 6_000)).toBe(16_384);
    expect(answerLimit(settings, 8_192, 9_000)).toBe(819);
    expect(answerLimit(settings, 131_072, 131_000)).toBe(1_024);
    expect(answerLimit({ ...settings, answerTokens: 100 }, 8_192, 8_000)).toBe(100);
  });
});

describe("a silently truncated prompt", () => {
  it("is recognized when the server counted fewer tokens than the prompt can have", () => {
    expect(isTruncated(4_096, 5_000)).toBe(true);
    expect(isTruncated(5_000, 5_000)).toBe(false);
    expect(isTruncated(null, 5_000)).toBe(false);
    // The estimate of a short prompt is too inaccurate to judge by.
    expect(isTruncated(300, 900)).toBe(false);
  });
});
