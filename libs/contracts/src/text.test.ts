import fc from "fast-check";
import { expect, test } from "vitest";
import { characterBoundary, cleanText, cutText } from "./text.ts";

/** UTF-16 units of every kind, paired or not. */
const anyText = fc
  .array(fc.constantFrom("a", "ä", "\u2028", "\0", "\n", '"', "\ud83d", "\ude00", "\ud83d\ude00", "\uFFFD"))
  .map((units) => units.join(""));

test("cleaning removes NUL, replaces lone surrogates and keeps pairs", () => {
  expect(cleanText("a\0b\uD800c\uDC00d😀")).toBe("ab\uFFFDc\uFFFDd😀");
});

test("cleaned text has no NUL and no lone surrogate, and cleaning it again changes nothing", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const clean = cleanText(text);
      expect(clean).not.toMatch(/[\0\p{Surrogate}]/u);
      expect(cleanText(clean)).toBe(clean);
    }),
  );
});

test("a cut text is a prefix within the limit, one unit shorter where the limit would split a surrogate pair", () => {
  expect(cutText("ab😀", 4)).toBe("ab😀");
  expect(cutText("ab😀", 3)).toBe("ab");
  expect(cutText("ab😀", 2)).toBe("ab");
  expect(cutText("ab", 0)).toBe("");
  fc.assert(
    fc.property(anyText.map(cleanText), fc.nat(20), (text, limit) => {
      const cut = cutText(text, limit);
      expect(text.startsWith(cut)).toBe(true);
      expect(cut.length).toBeGreaterThanOrEqual(Math.min(text.length, limit - 1));
      expect(cut.length).toBeLessThanOrEqual(limit);
      expect(cut.isWellFormed()).toBe(true);
    }),
  );
});

test("an index inside a surrogate pair, or after a high surrogate at the end, moves back to before it", () => {
  expect([0, 1, 2, 3].map((index) => characterBoundary("a😀b", index))).toEqual([0, 1, 1, 3]);
  expect(characterBoundary("a\ud83d", 2)).toBe(1);
});
