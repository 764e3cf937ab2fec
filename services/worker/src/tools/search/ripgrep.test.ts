import { expect, test } from "vitest";
import { explainRipgrepError } from "./ripgrep.ts";

test("keeps ripgrep's words and drops the advice for its command line", () => {
  const complaint =
    "rg: regex parse error:\n    (?=a)\nerror: look-around is not supported\n\nConsider enabling PCRE2 with --pcre2\n";
  const words = explainRipgrepError(complaint);
  expect(words).toMatch(/^invalid pattern: regex parse error:\n {4}\(\?=a\)\nerror: look-around/);
  expect(words).not.toContain("--pcre2");
});

test("a glob is called a glob", () => {
  expect(explainRipgrepError("rg: error parsing glob '{a': unclosed\n")).toBe(
    "invalid glob: error parsing glob '{a': unclosed",
  );
});

test("a line break in a pattern is explained", () => {
  expect(explainRipgrepError('rg: the literal "\\n" is not allowed\n\nConsider enabling multiline mode')).toContain(
    "line by line",
  );
});
