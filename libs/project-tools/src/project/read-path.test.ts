import fc from "fast-check";
import { expect, test } from "vitest";
import { nearNames, otherEndings, otherReadings } from "./read-path.ts";

test.each<[string, string, [number, number | null] | null]>([
  ["a.ts:12", "a.ts", [12, null]],
  ["a.ts:12:5", "a.ts", [12, null]],
  ["a.ts:12-20", "a.ts", [12, 20]],
  ["a.ts:12-20:", "a.ts", [12, 20]],
  ["a.ts:20-12", "a.ts", [20, null]],
  ["a.ts:L12-L20", "a.ts", [12, 20]],
  ["a.ts#L12", "a.ts", [12, null]],
  ["a.ts#L12-L20", "a.ts", [12, 20]],
  ["a.ts#L12C3-L20C4", "a.ts", [12, 20]],
  ["a.ts(12,5)", "a.ts", [12, null]],
  ["a.ts, line 12", "a.ts", [12, null]],
  ["a.ts lines 12-20", "a.ts", [12, 20]],
  ["a.ts (lines 12-20)", "a.ts", [12, 20]],
  ["a.ts:12-", "a.ts", [12, null]],
  ["[a.ts](src/a.ts)", "src/a.ts", null],
  ["file:///srv/a.ts", "/srv/a.ts", null],
  ["app/%5Bid%5D/a.ts", "app/[id]/a.ts", null],
  ["`src/a.ts:3`", "src/a.ts", [3, null]],
  ["/src/a.ts:3", "src/a.ts", [3, null]],
  ["src\\a.ts:3", "src/a.ts", [3, null]],
  ['"src/a.ts"', "src/a.ts", null],
  [" src/a.ts ", "src/a.ts", null],
  ["<src/a.ts>", "src/a.ts", null],
  ["@src/a.ts", "src/a.ts", null],
  ["/src/a.ts", "src/a.ts", null],
  [".\\src\\a.ts", "./src/a.ts", null],
  ["src\\\\a.ts", "src/a.ts", null],
  ["app/\\[id\\]/my\\ page.tsx", "app/[id]/my page.tsx", null],
])("%j may mean %j", (asked, path, range) => {
  const lines = range && { first: range[0], last: range[1] };
  expect(otherReadings(asked)).toContainEqual({ path, lines });
});

test("no reading is the path itself, and no path has more than nine readings", () => {
  const part = fc.constantFrom("a", "/", "\\", ":1", "#L2", "'", '"', " ", "@", "(3)", "..", "[", "]");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const asked = parts.join("");
      const paths = otherReadings(asked).map(({ path }) => path);
      expect(paths).not.toContain(asked);
      expect(new Set(paths).size).toBe(paths.length);
      expect(paths.length).toBeLessThanOrEqual(9);
    }),
  );
});

test("a name in another Unicode form takes precedence over names in another case", () => {
  expect(nearNames("caf\u00e9", ["cafe\u0301", "CAF\u00c9"])).toEqual([{ name: "cafe\u0301", sameText: true }]);
  expect(nearNames("readme.MD", ["README.md", "readme"])).toEqual([{ name: "README.md", sameText: false }]);
  expect(nearNames("x", ["y"])).toEqual([]);
});

test("a name with another extension is found", () => {
  expect(otherEndings("config.ts", ["config.js", "Config.tsx", "configs.ts", ".config"])).toEqual([
    "config.js",
    "Config.tsx",
  ]);
  expect(otherEndings(".env", [".env.local", "env"])).toEqual([".env.local"]);
});
