import fc from "fast-check";
import { expect, test } from "vitest";
import { createChangeCounter, type KnownLists } from "./count-changes.ts";

const read = (rest: number, versions: Record<string, number>): KnownLists => ({
  total: rest + Object.values(versions).reduce((sum, version) => sum + version, 0),
  versions: new Map(Object.entries(versions)),
});

test("changes of several lists are numbered as one dense sequence, and those of one list in its order", () => {
  const counter = createChangeCounter<string>();
  expect(counter.merge(read(100, { a: 3, b: 5 }))).toEqual({ isBehind: true, next: [] });
  expect(counter.receive("a", 4, "a4")).toEqual([{ version: 109, frame: "a4" }]);
  expect(counter.receive("b", 7, "b7")).toEqual([]);
  expect(counter.receive("a", 4, "again")).toEqual([]);
  expect(counter.receive("b", 6, "b6")).toEqual([
    { version: 110, frame: "b6" },
    { version: 111, frame: "b7" },
  ]);
});

test("a read that is older than what was sent undoes nothing, and one that is newer says so", () => {
  const counter = createChangeCounter<string>();
  counter.merge(read(0, { a: 1 }));
  counter.receive("a", 2, "a2");
  expect(counter.merge(read(0, { a: 1 }))).toEqual({ isBehind: false, next: [] });
  expect(counter.total()).toBe(2);
  expect(counter.merge(read(0, { a: 5 }))).toEqual({ isBehind: true, next: [] });
});

test("a change that is published while its list is still being read is sent after the read", () => {
  const counter = createChangeCounter<string>();
  counter.merge(read(0, { a: 1 }));
  expect(counter.receive("new", 8, "n8")).toEqual([]);
  expect(counter.merge(read(0, { a: 1, new: 7 }))).toEqual({ isBehind: true, next: [{ version: 9, frame: "n8" }] });
});

/** Steps of a world with two lists: commits, and publications that are late, lost or out of order. */
const step = fc.oneof(
  fc.record({ do: fc.constant("commit" as const), list: fc.constantFrom("a", "b") }),
  fc.record({ do: fc.constant("publish" as const), at: fc.nat(5) }),
  fc.record({ do: fc.constant("lose" as const), at: fc.nat(5) }),
  fc.record({ do: fc.constant("check" as const) }),
);

test("a client that applies the next number and reloads at a statement misses nothing once a check has run", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const stored: Record<string, number> = { a: 0, b: 0 };
      const onTheirWay: { list: string; version: number }[] = [];
      const counter = createChangeCounter<{ list: string; version: number }>();
      /** What the client shows of each list, and the version that it believes to be at. */
      let shown: Record<string, number> = { a: 0, b: 0 };
      let at = 0;
      const apply = (numbered: ReturnType<typeof counter.receive>) => {
        for (const { version, frame } of numbered) {
          expect(version).toBe(at + 1);
          at = version;
          shown = { ...shown, [frame.list]: Math.max(shown[frame.list] ?? 0, frame.version) };
        }
      };
      const check = () => {
        const { isBehind, next } = counter.merge(read(0, stored));
        if (isBehind) {
          at = counter.total() - next.length;
          shown = { ...stored };
        }
        apply(next);
      };
      for (const one of steps) {
        if (one.do === "commit") {
          stored[one.list] = (stored[one.list] ?? 0) + 1;
          onTheirWay.push({ list: one.list, version: stored[one.list] ?? 0 });
        } else if (one.do === "check") check();
        else {
          const [frame] = onTheirWay.splice(one.at % Math.max(1, onTheirWay.length), 1);
          if (frame && one.do === "publish") apply(counter.receive(frame.list, frame.version, frame));
        }
        // Equal sums mean equal lists, which a reconnecting client relies on.
        if (at === (stored.a ?? 0) + (stored.b ?? 0)) expect(shown).toEqual(stored);
      }
      check();
      expect(shown).toEqual(stored);
    }),
    { numRuns: 300 },
  );
});
