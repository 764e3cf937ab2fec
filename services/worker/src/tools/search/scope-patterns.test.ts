import { expect, test } from "vitest";
import { scopeIgnores } from "./scope-patterns.ts";

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
