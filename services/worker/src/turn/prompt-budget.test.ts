import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { budgetFor, isTruncated, tokensPerCharacter } from "./prompt-budget.ts";

const settings = { answerShare: 0.2, answerTokens: 16_384, defaultWindow: 32_768 };

describe("the room for a request", () => {
  it("is the context window minus the answer's share, in characters by the last token count", () => {
    const usage = { promptTokens: 1_000, characters: 2_000 };
    expect(budgetFor(settings, 10_000, usage, null)).toEqual({
      window: 10_000,
      windowKnown: true,
      limit: 16_000,
      tokensPerCharacter: 0.5,
    });
  });

  it("comes from the default window when the window is unknown, at 3.6 characters per token", () => {
    const budget = budgetFor(settings, null, null, null);
    expect(budget).toMatchObject({ window: 32_768, windowKnown: false });
    expect(budget.limit).toBe(Math.floor((32_768 - 6_553) * 3.6));
  });

  it("reserves no more for the answer than the upper bound", () => {
    expect(budgetFor(settings, 1_000_000, null, null).limit).toBe(Math.floor((1_000_000 - 16_384) * 3.6));
  });

  it("is at least a quarter smaller than a refused request, whatever the server reported", () => {
    const count = fc.option(fc.integer({ min: 1, max: 1_000_000 }));
    fc.assert(
      fc.property(count, count, fc.integer({ min: 1, max: 2_000_000 }), (window, promptTokens, characters) => {
        const budget = budgetFor(settings, 131_072, null, { window, promptTokens, characters });
        expect(budget.limit).toBeLessThanOrEqual(characters * 0.75);
        if (window !== null) expect(budget.window).toBe(window);
      }),
    );
  });

  it("ignores a count that cannot be a count of the whole prompt", () => {
    expect(tokensPerCharacter({ promptTokens: 1, characters: 100_000 })).toBe(1 / 6);
    expect(tokensPerCharacter({ promptTokens: 100_000, characters: 10 })).toBe(1);
    expect(tokensPerCharacter(null)).toBe(1 / 3.6);
  });
});

describe("a silently truncated prompt", () => {
  it("is recognized when the server counted far fewer tokens than were sent", () => {
    expect(isTruncated(4_096, 20_000)).toBe(true);
    expect(isTruncated(15_000, 20_000)).toBe(false);
    expect(isTruncated(null, 20_000)).toBe(false);
    // The estimate of a short prompt is too inaccurate to judge by.
    expect(isTruncated(300, 1_000)).toBe(false);
  });
});
