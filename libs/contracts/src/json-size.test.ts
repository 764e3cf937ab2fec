import fc from "fast-check";
import { expect, test } from "vitest";
import { cutToJsonBytes, jsonBytes, shareJsonBytes } from "./json-size.ts";

const bytesOf = (text: string) => Buffer.byteLength(JSON.stringify(text)) - 2;

/** Any text: all escapes, characters of one to four bytes, paired and lone surrogates. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc
    .array(
      fc.oneof(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0x1f }),
        fc.constantFrom(0x22, 0x5c, 0x7f, 0x80, 0x7ff, 0x800, 0x2028, 0x2029, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff),
      ),
      { maxLength: 60 },
    )
    .map((units) => String.fromCharCode(...units)),
);

test("the size of every UTF-16 unit is the bytes that JSON.stringify writes for it", () => {
  for (let unit = 0; unit <= 0xffff; unit += 1) {
    const text = String.fromCharCode(unit);
    if (jsonBytes(text) !== bytesOf(text)) expect([unit, jsonBytes(text)]).toEqual([unit, bytesOf(text)]);
  }
});

test("the size of a text is the bytes that JSON.stringify writes for it", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(jsonBytes(text)).toBe(bytesOf(text));
    }),
    { numRuns: 2_000 },
  );
});

test("a cut text is the longest prefix that fits, and splits no surrogate pair", () => {
  fc.assert(
    fc.property(anyText, fc.nat(300), (text, room) => {
      const cut = cutToJsonBytes(text, room);
      expect(text.startsWith(cut)).toBe(true);
      expect(bytesOf(cut)).toBeLessThanOrEqual(room);
      const [next] = text.slice(cut.length);
      if (next === undefined) return;
      expect(bytesOf(cut + next)).toBeGreaterThan(room);
      expect(/[\ud800-\udbff]$/.test(cut) && /^[\udc00-\udfff]/.test(next)).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

test("texts that fit together stay whole; otherwise the longest are cut, and the room is used up", () => {
  fc.assert(
    fc.property(fc.array(anyText, { minLength: 1, maxLength: 4 }), fc.nat(400), (texts, room) => {
      const shares = shareJsonBytes(texts, room);
      const sizes = shares.map(bytesOf);
      const used = sizes.reduce((sum, size) => sum + size, 0);
      expect(used).toBeLessThanOrEqual(room);
      if (texts.reduce((sum, text) => sum + bytesOf(text), 0) <= room) {
        expect(shares).toEqual(texts);
        return;
      }
      // Each cut text leaves less than one character (at most six bytes) of its share unused.
      expect(used).toBeGreaterThan(room - 6 * texts.length);
      for (const [index, text] of texts.entries()) {
        expect(text.startsWith(shares[index] ?? "-")).toBe(true);
        // A cut text is as large as any other, give or take one character for each text.
        if (shares[index] !== text) expect(sizes[index]).toBeGreaterThan(Math.max(...sizes) - 6 * texts.length);
      }
    }),
    { numRuns: 2_000 },
  );
});
