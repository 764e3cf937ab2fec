import { expect, test } from "vitest";
import { readGrep, readListing, readPaths, readView } from "./tool-output.ts";

test("matches are parsed, and context lines and notes are skipped", () => {
  const output = "./lib/a.js:12: const x = 1\nlib/a.js-13- next\n--\nlib/b.js:3:   y: 2\n[cut: there are more matches]";
  expect(readGrep(output)).toEqual([
    { path: "lib/a.js", line: 12, text: "const x = 1" },
    { path: "lib/b.js", line: 3, text: "  y: 2" },
  ]);
});

test("numbered lines keep their indentation, and blank lines keep their number", () => {
  const view = readView(
    "a.js",
    "a.js (lines 1-3 of 9)\n     1\tif (x) {\n     2\t\n     3\t  y()\n[more: continue with start_line=4]",
  );
  expect([...view.lines]).toEqual([
    [1, "if (x) {"],
    [2, ""],
    [3, "  y()"],
  ]);
});

test("paths are parsed, and notes are skipped", () => {
  expect(readPaths("lib/a.js\ndocs/my notes.md\n[cut: 3 more]\n")).toEqual(["lib/a.js", "docs/my notes.md"]);
  expect(readPaths("no files in the project match *x* (ignored files are left out)")).toEqual([]);
});

test("only the names of a listing are parsed", () => {
  const output =
    ". (4 entries)\nlib/\nREADME.md (120 bytes)\nlatest -> lib (symlink)\nMakefile\n[cut: 3 more; continue with offset=4]";
  expect(readListing(output)).toEqual(["lib/", "README.md", "latest", "Makefile"]);
});
