import fc from "fast-check";
import { expect, test } from "vitest";
import { aheadInLine, mostOfSlots, nextInLine } from "./fair-share.ts";

test("the last quarter, at least one slot, is left for others", () => {
  expect([1, 2, 3, 4, 7, 8, 50].map(mostOfSlots)).toEqual([1, 1, 2, 3, 6, 6, 38]);
});

const users = fc.constantFrom("a", "b", "c", "d");
const waiting = fc.array(fc.record({ user: users }), { maxLength: 20 });
const held = fc
  .uniqueArray(fc.tuple(users, fc.nat({ max: 5 })), { selector: ([user]) => user })
  .map((all) => new Map(all));

test("the chosen one holds fewest of those that wait, fewer than the limit, and came first of these", () => {
  fc.assert(
    fc.property(waiting, held, fc.integer({ min: 1, max: 5 }), (line, holds, most) => {
      const counts = line.map(({ user }) => holds.get(user) ?? 0);
      const fewest = Math.min(...counts);
      expect(nextInLine(line, holds, most)).toBe(fewest < most ? counts.indexOf(fewest) : -1);
    }),
  );
});

test("whoever comes late gets a slot before those who hold some, however many of theirs wait", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 20, max: 60 }), (size, calls) => {
      const holds = new Map<string, number>();
      const line = Array.from({ length: calls }, () => ({ user: "greedy" }));
      const grant = () => {
        const index = nextInLine(line, holds, mostOfSlots(size));
        const [next] = index === -1 ? [] : line.splice(index, 1);
        if (next) holds.set(next.user, (holds.get(next.user) ?? 0) + 1);
        return next?.user ?? null;
      };
      while (grant() !== null);
      expect(holds.get("greedy")).toBe(mostOfSlots(size));
      line.push({ user: "late" });
      expect(grant()).toBe("late");
    }),
  );
});

test("as many are ahead of one in the line as get a slot before it", () => {
  fc.assert(
    fc.property(waiting, held, (line, holds) => {
      const told = new Map(line.map((entry, index) => [entry, aheadInLine(line, holds, index)]));
      const counts = new Map(holds);
      const left = [...line];
      for (let granted = 0; left.length > 0; granted++) {
        const [next] = left.splice(nextInLine(left, counts, Number.POSITIVE_INFINITY), 1);
        if (!next) throw new Error("nobody was chosen");
        counts.set(next.user, (counts.get(next.user) ?? 0) + 1);
        expect(told.get(next)).toBe(granted);
      }
    }),
  );
});
