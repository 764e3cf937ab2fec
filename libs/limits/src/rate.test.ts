import fc from "fast-check";
import { expect, test } from "vitest";
import { takeOne } from "./rate.ts";

test("as many as the limit may come at once, then one after each even part of the window", () => {
  const rate = { limit: 4, windowMs: 60_000 };
  let emptyAt = 0;
  const take = (now: number) => {
    const taken = takeOne(emptyAt, now, rate);
    ({ emptyAt } = taken);
    return [taken.isAllowed, taken.remaining, Math.round(taken.retryInMs)];
  };
  expect([1, 2, 3, 4, 5].map(() => take(0))).toEqual([
    [true, 3, 0],
    [true, 2, 0],
    [true, 1, 0],
    [true, 0, 15_000],
    [false, 0, 15_000],
  ]);
  expect([take(14_999), take(15_000), take(15_000)]).toEqual([
    [false, 0, 1],
    [true, 0, 15_000],
    [false, 0, 15_000],
  ]);
  expect(take(600_000)).toEqual([true, 3, 0]);
});

test("in no window come more than twice the limit, and who waits as told is let through", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), steps, (limit, gaps) => {
      const rate = { limit, windowMs: 60_000 };
      let [emptyAt, now] = [0, 0];
      const passed: number[] = [];
      for (const gap of gaps) {
        now += gap;
        const taken = takeOne(emptyAt, now, rate);
        if (taken.isAllowed) passed.push(now);
        else expect(takeOne(emptyAt, now + taken.retryInMs, rate).isAllowed).toBe(true);
        ({ emptyAt } = taken);
      }
      for (const from of passed) {
        expect(passed.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(2 * limit);
      }
    }),
  );
});
