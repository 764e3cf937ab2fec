import fc from "fast-check";
import { expect, test } from "vitest";
import { otherPatterns, patternsForInvalid } from "./other-patterns.ts";

test.each(["foo", "foo\\(", "\\bfoo\\b", "a|b", "\\d+", "[|+]", "a\\+b", "\\{x\\}", "\\w+\\(", "/a/b", "foo(bar)?"])(
  "the valid pattern %j has no other reading",
  (pattern) => expect(otherPatterns(pattern)).toEqual([]),
);

test.each([
  ["a\\|b", "a|b"],
  ["\\(a\\|b\\)c", "(a|b)c"],
  ["\\(ab\\)\\+", "(ab)+"],
  ["f()\\|g()", "f()|g()"],
  ["[\\|]\\|b", "[\\|]|b"],
  ["x.\\?y", "x.?y"],
])("%j in basic syntax is %j", (pattern, expected) => expect(otherPatterns(pattern)[0]?.pattern).toBe(expected));

test.each([
  ["foo {", "foo \\{"],
  ["a{2,3} {", "a{2,3} \\{"],
  ["a{,3}", "a\\{,3}"],
  ["*.ts", "\\*.ts"],
  ["f(a, (b)", "f\\(a, (b)"],
  ["f(a))", "f(a)\\)"],
  ["[a", "\\[a"],
  ["[[(]{", "[\\[(]\\{"],
  ["[[:alpha:]]{", "[[:alpha:]]\\{"],
  ["x\\", "x\\\\"],
  ["(?>a)\\Z", "(?:a)$"],
])("the invalid %j is first taken as %j", (pattern, expected) =>
  expect(patternsForInvalid(pattern)[0]?.pattern).toBe(expected),
);

test("any text has few readings, and the last of an invalid pattern is plain text", () => {
  const part = fc.constantFrom(
    "\\",
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "+",
    "*",
    "?",
    "a",
    "^",
    ":",
    "/",
    '"',
    "\b",
    "-",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      const pattern = parts.join("");
      expect(otherPatterns(pattern).length).toBeLessThanOrEqual(5);
      expect(patternsForInvalid(pattern).at(-1)).toMatchObject({ pattern, fixedString: true });
    }),
  );
});
