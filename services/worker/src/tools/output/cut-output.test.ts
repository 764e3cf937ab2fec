import fc from "fast-check";
import { expect, test } from "vitest";
import { clipLine, cutOutput, fitLines } from "./cut-output.ts";

test("leaves what fits as it is", () => {
  expect(cutOutput("a\nb", 3, "[cut]")).toEqual({ text: "a\nb", cut: false });
});

test("cuts at a line border and says so", () => {
  expect(cutOutput("first\nsecond\nthird", 16, "[cut]")).toEqual({ text: "first\n[cut]", cut: true });
});

test("cuts between two characters where there is no line border", () => {
  expect(cutOutput("😀".repeat(10), 20, "[cut]")).toEqual({ text: "😀😀😀\n[cut]", cut: true });
});

test("never gives more bytes than allowed, nor half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 6, max: 60 }), (text, max) => {
      const result = cutOutput(text, max, "[cut]");
      expect(Buffer.byteLength(result.text)).toBeLessThanOrEqual(max);
      if (!text.includes("\uFFFD")) expect(result.text).not.toContain("\uFFFD");
    }),
  );
});

test("counts bytes, not characters, and each line's break", () => {
  expect(fitLines(["ä", "b"], 5)).toEqual(["ä", "b"]);
  expect(fitLines(["ä", "b"], 4)).toEqual(["ä"]);
  expect(fitLines(["ä", "b"], 2)).toEqual([]);
});

test("a short line is whole", () => {
  expect(clipLine(Buffer.from("short"), 2, 10)).toBe("short");
});

test("a long line is cut around the match, which is counted in bytes", () => {
  const line = `${"ä".repeat(100)}MATCH${"b".repeat(100)}`;
  const clipped = clipLine(Buffer.from(line), 200, 30);
  expect(clipped).toBe(`…${"ä".repeat(10)}MATCH${"b".repeat(15)}…`);
  expect(clipLine(Buffer.from(line), 0, 5)).toBe("äääää…");
});
