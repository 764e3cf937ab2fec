import { expect, test } from "vitest";
import { scopeGlob, scopeIgnores } from "./scope-patterns.ts";

test.each([
  ["*.ts", ".", "*.ts"],
  ["*.ts", "src", "*.ts"],
  ["src/*.ts", ".", "/src/*.ts"],
  ["./src/*.ts", ".", "/src/*.ts"],
  ["/a.ts", ".", "/a.ts"],
  ["**/*.ts", "src", "/src/**/*.ts"],
  ["lib/", ".", "/lib/**"],
  ["!lib/*.ts", "src", "!/src/lib/*.ts"],
  ["!*.ts", "src", "!*.ts"],
  ["a/b", "[id]", "/\\[id\\]/a/b"],
])("%j in %j is %j", (glob, directory, scoped) => {
  expect(scopeGlob(glob, directory)).toBe(scoped);
});

test("a root's lines stay as they are, without comments, empty lines and the byte order mark", () => {
  expect(scopeIgnores("\uFEFF# no\r\n\r\n*.log\r\n/dist/\n!a\n", ".")).toEqual(["*.log", "/dist/", "!a"]);
});

test.each([
  ["*.log", "/a/b/**/*.log"],
  ["dist/", "/a/b/**/dist/"],
  ["/dist", "/a/b/dist"],
  ["x/y", "/a/b/x/y"],
  ["**/y", "/a/b/**/y"],
  ["!keep.log", "!/a/b/**/keep.log"],
  ["\\#odd", "/a/b/**/\\#odd"],
])("%j below a/b is %j", (line, scoped) => {
  expect(scopeIgnores(line, "a/b")).toEqual([scoped]);
});

test("a directory's name is no pattern, and cannot add a line", () => {
  expect(scopeIgnores("x", "[a]*")).toEqual(["/\\[a\\]\\*/**/x"]);
  expect(scopeIgnores("x", "a\n*")).toEqual([]);
});
