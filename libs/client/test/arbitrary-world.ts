import fc from "fast-check";
import type { Event } from "./world.ts";

const small = (max: number) => fc.integer({ min: 1, max });
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("turn" as const),
      steps: small(3),
      words: small(5),
      crashAfter: fc.option(small(12), { freq: 2 }),
      deletedAfter: fc.option(fc.integer({ min: 0, max: 2 }), { freq: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Event>({ kind: "rename" }) },
  { weight: 1, arbitrary: fc.constant<Event>({ kind: "tools_ignored" }) },
  { weight: 1, arbitrary: fc.constant<Event>({ kind: "withdraw" }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), back: small(4) }) },
);

/** Sessions of a few turns, with crashes, deletions and renames. */
export const arbitraryEvents = fc.array(event, { minLength: 1, maxLength: 5 });
