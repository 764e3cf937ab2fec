import fc from "fast-check";
import { expect, test } from "vitest";
import { intersectFolders, isWithin, isWithinAny } from "./folders.ts";

test.each([
  ["/srv/al", "/srv/al", true],
  ["/srv/al/code", "/srv/al", true],
  ["/srv/al/..hidden", "/srv/al", true],
  ["/srv/alice", "/srv/al", false],
  ["/srv/al-2/code", "/srv/al", false],
  ["/srv", "/srv/al", false],
  ["/", "/srv/al", false],
  ["/srv/Al", "/srv/al", false],
  // The same letter, composed and decomposed.
  ["/srv/caf\u00e9", "/srv/cafe\u0301", false],
  ["/srv", "/", true],
  ["/", "/", true],
])("%s in %s: %s", (path, folder, within) => {
  expect(isWithin(path, folder)).toBe(within);
});

const name = fc.oneof(fc.constantFrom("a", "al", "alice", "..a", ".", "A", "caf\u00e9", "cafe\u0301"), fc.string());
const names = fc.array(
  name.filter((text) => text !== "" && text !== "." && text !== ".." && !text.includes("/")),
  { maxLength: 4 },
);
const path = names.map((parts) => `/${parts.join("/")}`);

test("a path is within a folder if and only if the folder's names begin its own", () => {
  fc.assert(
    fc.property(names, names, (inner, outer) => {
      const begins = outer.every((part, at) => part === inner[at]);
      expect(isWithin(`/${inner.join("/")}`, `/${outer.join("/")}`)).toBe(begins);
      expect(isWithin(`/${[...outer, ...inner].join("/")}`, `/${outer.join("/")}`)).toBe(true);
    }),
  );
});

test("an intersection contains a path if and only if both sides do", () => {
  fc.assert(
    fc.property(fc.array(path), fc.array(path), path, (folders, bounds, asked) => {
      const both = isWithinAny(asked, folders) && isWithinAny(asked, bounds);
      expect(isWithinAny(asked, intersectFolders(folders, bounds))).toBe(both);
    }),
  );
});
