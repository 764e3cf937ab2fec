import fc from "fast-check";
import { expect, test } from "vitest";
import { isDraftDue, MAX_DRAFT_AGE_MS } from "./draft-due.ts";

const INTERVAL = 500;
const TICK = 100;

/** The lengths and ages of all drafts of an answer that grows by these numbers of characters, one in each tick. */
function drafts(growth: number[]): { length: number; ageMs: number }[] {
  const saved: { length: number; ageMs: number }[] = [];
  let length = 0;
  let ageMs = 0;
  for (const more of growth) {
    length += more;
    ageMs += TICK;
    const savedLength = saved.at(-1)?.length ?? 0;
    if (length === savedLength || !isDraftDue({ length, savedLength, ageMs }, INTERVAL)) continue;
    saved.push({ length, ageMs });
    ageMs = 0;
  }
  return saved;
}

test("no draft comes before the interval, and none that is due comes later than the maximum", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 400, size: "max" }), (growth) => {
      for (const { ageMs } of drafts(growth)) {
        expect(ageMs).toBeGreaterThanOrEqual(INTERVAL);
        expect(ageMs).toBeLessThanOrEqual(MAX_DRAFT_AGE_MS);
      }
    }),
  );
});

test("the drafts of an answer add up to at most three times its length, but for those that its age forces", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5_000 }), { maxLength: 400, size: "max" }), (growth) => {
      const unforced = drafts(growth).filter(({ ageMs }) => ageMs < MAX_DRAFT_AGE_MS);
      const written = unforced.reduce((sum, { length }) => sum + length, 0);
      expect(written).toBeLessThanOrEqual(3 * growth.reduce((sum, more) => sum + more, 0));
    }),
  );
});

test("an interval that is longer than the maximum counts", () => {
  expect(isDraftDue({ length: 9, savedLength: 1, ageMs: 3_000 }, 5_000)).toBe(false);
  expect(isDraftDue({ length: 9, savedLength: 9, ageMs: 5_000 }, 5_000)).toBe(true);
});
