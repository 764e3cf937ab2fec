import { isWithin } from "@boocode/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { findOverlaps } from "./find-overlaps.ts";

test("equal folders of two users overlap, and so does one within the other; folders of one user do not", () => {
  const overlaps = findOverlaps([
    { name: "ada", folders: ["/srv/ada", "/srv/ada/deep", "/shared"] },
    { name: "bob", folders: ["/srv", "/shared", "/srv/adam"] },
  ]);
  expect(overlaps.map(({ inner, outer }) => `${inner.name} ${inner.path} in ${outer.name} ${outer.path}`)).toEqual([
    "bob /shared in ada /shared",
    "ada /srv/ada in bob /srv",
    "ada /srv/ada/deep in bob /srv",
  ]);
});

test("the overlaps are those that comparing each folder with each other finds", () => {
  const path = fc
    .array(fc.constantFrom("a", "al", "b", " ", "-"), { maxLength: 3 })
    .map((names) => `/${names.join("/")}`);
  const holder = fc.uniqueArray(path, { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(holder, { maxLength: 4 }), (folders) => {
      const holders = folders.map((each, at) => ({ name: `user ${at}`, folders: each }));
      const all = holders.flatMap(({ name, folders: own }) => own.map((each) => ({ name, path: each })));
      const pair = (one: { name: string; path: string }, other: { name: string; path: string }) =>
        [`${one.name} ${one.path}`, `${other.name} ${other.path}`].sort().join(" and ");
      const expected = all.flatMap((one) =>
        all.flatMap((other) => (one.name !== other.name && isWithin(one.path, other.path) ? [pair(one, other)] : [])),
      );
      const found = findOverlaps(holders).map(({ inner, outer }) => pair(inner, outer));
      expect(found.sort()).toEqual([...new Set(expected)].sort());
    }),
  );
});
