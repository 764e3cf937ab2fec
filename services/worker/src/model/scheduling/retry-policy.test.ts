import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelFailure } from "../../turn/ports.ts";
import { nextRetry, type RetryState } from "./retry-policy.ts";

const settings = { retries: 4, budgetMs: 60_000, loadingMs: 600_000 };
type Details = ConstructorParameters<typeof ModelFailure>[2];
const failed = (details: Details, code: ModelFailure["code"] = "model_error") =>
  new ModelFailure(code, "no", { retryable: true, ...details });
const state = (failure: ModelFailure, more: Partial<RetryState> = {}): RetryState => ({
  failure,
  round: 1,
  elapsedMs: 0,
  chance: 0.5,
  ...more,
});

describe("retrying a request", () => {
  it("never happens after a permanent failure, or once a part of the reply was seen", () => {
    expect(nextRetry(settings, state(failed({ retryable: false })))).toBeNull();
  });

  it("backs off exponentially, with jitter", () => {
    const waits = [1, 2, 3, 4].map((round) => nextRetry(settings, state(failed({}), { round }))?.waitMs);
    expect(waits).toEqual([375, 750, 1_500, 3_000]);
    expect(nextRetry(settings, state(failed({}), { round: 5 }))).toBeNull();
    expect(nextRetry(settings, state(failed({}), { chance: 1 }))?.waitMs).toBe(500);
  });

  it("waits at least as long as the server asked for, and not much longer", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (ms, chance) => {
        const again = nextRetry(settings, state(failed({ retryAfterMs: ms, status: 429 }), { chance }));
        expect(again?.waitMs).toBeGreaterThanOrEqual(ms);
        expect(again?.waitMs).toBeLessThanOrEqual(ms * 1.1 + 51);
      }),
    );
  });

  it("does not exceed its budget", () => {
    expect(nextRetry(settings, state(failed({}), { elapsedMs: 59_900 }))).toBeNull();
    expect(nextRetry(settings, state(failed({ retryAfterMs: 61_000 })))).toBeNull();
  });

  it("retries every few seconds while a model loads", () => {
    const loading = failed({ status: 503 }, "model_loading");
    const late = state(loading, { round: 60, elapsedMs: 300_000, chance: 1 });
    expect(nextRetry(settings, late)).toMatchObject({ waitMs: 5_000, reason: "loading" });
    expect(nextRetry(settings, { ...late, elapsedMs: 599_000 })).toBeNull();
  });

  it("continues for the whole budget while a server is away, whatever MODEL_RETRIES is, with a last retry at its end", () => {
    const away = failed({}, "model_unreachable");
    fc.assert(
      fc.property(
        fc.record({
          retries: fc.nat(6),
          budgetMs: fc.integer({ min: 1_000, max: 200_000 }),
          loadingMs: fc.constant(1),
        }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.nat(20),
        (given, chances, answerMs) => {
          let elapsedMs = 0;
          for (let round = 1; ; round++) {
            const chance = chances.next().value as number;
            const again = nextRetry(given, state(away, { round, elapsedMs, chance }));
            if (!again) break;
            expect(again.waitMs).toBeLessThanOrEqual(5_000);
            elapsedMs += again.waitMs;
            expect(elapsedMs).toBeLessThanOrEqual(given.budgetMs);
            elapsedMs += answerMs;
          }
          // The last request was sent when the budget ended.
          expect(elapsedMs).toBeGreaterThanOrEqual(given.budgetMs - 250);
        },
      ),
    );
  });

  it("happens at once after a malformed tool call: twice unchanged, once without calls, whatever the settings", () => {
    const none = { retries: 0, budgetMs: 0, loadingMs: 0 };
    const retries = [1, 2, 3, 4].map((round) =>
      nextRetry(none, state(failed({}, "model_malformed_call"), { round, elapsedMs: 500_000 })),
    );
    expect(retries.map((again) => again && [again.waitMs, again.withoutCalls])).toEqual([
      [0, false],
      [0, false],
      [0, true],
      null,
    ]);
  });

  it("is reported with its reason", () => {
    const reason = (failure: ModelFailure) => nextRetry(settings, state(failure))?.reason;
    expect(reason(failed({ status: 429 }))).toBe("busy");
    expect(reason(failed({ status: 503 }))).toBe("busy");
    expect(reason(failed({}, "model_unreachable"))).toBe("unreachable");
    expect(reason(failed({ status: 500 }))).toBe("failed");
    expect(reason(failed({}, "model_cut"))).toBe("failed");
  });
});
