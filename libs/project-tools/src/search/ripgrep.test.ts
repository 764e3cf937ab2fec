import { expect, test } from "vitest";
import { explainRipgrepError } from "./ripgrep.ts";

test("an error keeps ripgrep's message and drops the advice about its command line", () => {
  const stderr =
    "rg: regex parse error:\n    (?=a)\nerror: look-around is not supported\n\nConsider enabling PCRE2 with --pcre2\n";
  const message = explainRipgrepError(stderr);
  expect(message).toMatch(/^invalid pattern: regex parse error:\n {4}\(\?=a\)\nerror: look-around/);
  expect(message).not.toContain("--pcre2");
});

test("an error in a glob names the glob", () => {
  expect(explainRipgrepError("rg: error parsing glob '{a': unclosed\n")).toBe(
    "invalid glob: error parsing glob '{a': unclosed",
  );
});

test("an error for a line break in a pattern says that the search works line by line", () => {
  expect(explainRipgrepError('rg: the literal "\\n" is not allowed\n\nConsider enabling multiline mode')).toContain(
    "line by line",
  );
});
