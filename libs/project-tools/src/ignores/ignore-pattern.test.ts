import { expect, test } from "vitest";
import { matchesDirectory, parseIgnoreFile, patternsBelow, toRipgrepLine } from "./ignore-pattern.ts";

const parse = (text: string) => parseIgnoreFile(Buffer.from(text)) ?? [];
const lines = (text: string, directory = ".") => parse(text).map((pattern) => toRipgrepLine(pattern, directory));

/** Lines that git and ripgrep read differently; `git-trees.test.ts` covers the rest. */
test.each([
  ["*.{a,b}", ["/**/*\\.\\{a\\,b\\}"]],
  ["x  ", ["/**/x"]],
  ["x\\ ", ["/**/x[ ]"]],
  ["x\t", ["/**/x[\t]"]],
  ["[[:digit:]]x", ["/**/[0123456789]x"]],
  ["[a\\]b]", ["/**/[]ab]"]],
  ["[!a]", ["/**/[!/a]"]],
  ["[^!]", ["/**/[!/!]"]],
  ["a**b/c", ["/a*b/c"]],
  ["a/**", ["/a/**/*"]],
  ["foo**/bar", ["/foobar", "/foo*/**/bar"]],
  ["!/a/", ["!/a/"]],
  ["# a\n\\#a\n\n!\n/\na//b\n[a\na\\", ["/**/\\#a"]],
])("the line %j becomes %j", (text, expected) => {
  expect(lines(text)).toEqual(expected);
});

test("a directory's name is not read as a pattern and cannot add a line", () => {
  expect(lines("x", "[a]*")).toEqual(["/\\[a\\]\\*/**/x"]);
  expect(lines("x", "a\n*")).toEqual([null]);
});

test("patternsBelow returns what remains of a pattern below a directory", () => {
  const below = (text: string, names: string[]) =>
    parse(text).flatMap((pattern) => patternsBelow(pattern, names).map((rest) => toRipgrepLine(rest, ".")));
  expect(below("/apps/*/dist\n/lib/x\n*.log", ["apps", "web"])).toEqual(["/dist", "/**/*\\.log"]);
  expect(below("a/**/b/c", ["a", "b"])).toEqual(["/**/b/c", "/c"]);
});

test("a pattern with many stars is matched without exponential backtracking", () => {
  const [pattern] = parse(`${"*a".repeat(120)}*b`);
  const before = performance.now();
  expect(pattern && matchesDirectory(pattern, ["a".repeat(250)])).toBe(false);
  expect(performance.now() - before).toBeLessThan(2000);
});
