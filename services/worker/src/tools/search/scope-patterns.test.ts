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
])("the glob %j in %j becomes %j", (glob, directory, scoped) => {
  expect(scopeGlob(glob, directory)).toBe(scoped);
});

test("the patterns of a root's ignore file are kept; comments, empty lines and the byte order mark are dropped", () => {
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
])("the ignore pattern %j in a/b becomes %j", (line, scoped) => {
  expect(scopeIgnores(line, "a/b")).toEqual([scoped]);
});

test("a directory's name is not read as a pattern and cannot add a line", () => {
  expect(scopeIgnores("x", "[a]*")).toEqual(["/\\[a\\]\\*/**/x"]);
  expect(scopeIgnores("x", "a\n*")).toEqual([]);
});
