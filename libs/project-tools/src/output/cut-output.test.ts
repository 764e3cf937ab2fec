import fc from "fast-check";
import { expect, test } from "vitest";
import { clipLine, cutOutput, fitLines } from "./cut-output.ts";

test("an output within the limit is unchanged", () => {
  expect(cutOutput("a\nb", 3, "[cut]")).toEqual({ text: "a\nb", whole: 2, cut: false });
});

test("an output over the limit is cut at the end of a line, and ends with the notice", () => {
  expect(cutOutput("first\nsecond\nthird", 16, "[cut]")).toEqual({ text: "first\n[cut]", whole: 1, cut: true });
});

test("a single long line is cut between two characters", () => {
  expect(cutOutput("😀".repeat(10), 20, "[cut]")).toEqual({ text: "😀😀😀\n[cut]", whole: 0, cut: true });
});

test("an output never exceeds the limit and never ends in half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 6, max: 60 }), (text, max) => {
      const result = cutOutput(text, max, "[cut]");
      expect(Buffer.byteLength(result.text)).toBeLessThanOrEqual(max);
      if (!text.includes("\uFFFD")) expect(result.text).not.toContain("\uFFFD");
    }),
  );
});

test("fitLines counts bytes, not characters, and one line break for each line", () => {
  expect(fitLines(["ä", "b"], 5)).toEqual(["ä", "b"]);
  expect(fitLines(["ä", "b"], 4)).toEqual(["ä"]);
  expect(fitLines(["ä", "b"], 2)).toEqual([]);
});

test("clipLine keeps a short line whole", () => {
  expect(clipLine(Buffer.from("short"), 2, 10)).toBe("short");
});

test("clipLine cuts a long line around the match, whose position is in bytes", () => {
  const line = `${"ä".repeat(100)}MATCH${"b".repeat(100)}`;
  const clipped = clipLine(Buffer.from(line), 200, 30);
  expect(clipped).toBe(`…${"ä".repeat(10)}MATCH${"b".repeat(15)}…`);
  expect(clipLine(Buffer.from(line), 0, 5)).toBe("äääää…");
});

test("clipLine never divides a surrogate pair", () => {
  const line = Buffer.from("😀".repeat(100));
  for (let width = 20; width < 24; width++) {
    for (let at = 0; at < 24; at += 4) expect(clipLine(line, at, width).isWellFormed()).toBe(true);
  }
});
