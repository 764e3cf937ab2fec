import fc from "fast-check";
import { expect, test } from "vitest";
import { cutText } from "./cut-text.ts";

test("leaves what fits as it is", () => {
  expect(cutText("a\nb", 3, "[cut]")).toEqual({ text: "a\nb", cut: false });
});

test("cuts at a line border and says so", () => {
  expect(cutText("first\nsecond\nthird", 16, "[cut]")).toEqual({ text: "first\n[cut]", cut: true });
});

test("cuts between two characters where there is no line border", () => {
  expect(cutText("😀".repeat(10), 20, "[cut]")).toEqual({ text: "😀😀😀\n[cut]", cut: true });
});

test("never gives more bytes than allowed, nor half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 6, max: 60 }), (text, max) => {
      const result = cutText(text, max, "[cut]");
      expect(Buffer.byteLength(result.text)).toBeLessThanOrEqual(max);
      if (!text.includes("\uFFFD")) expect(result.text).not.toContain("\uFFFD");
    }),
  );
});
