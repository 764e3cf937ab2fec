import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Cursor,
  classifyPosition,
  compareEpochs,
  formatCursor,
  type Position,
  parseCursor,
  START,
  sameEpoch,
} from "./cursor.ts";

const nonce = fc.stringMatching(/^[0-9a-z]{1,32}$/);
const epoch = fc.record({ ordinal: fc.nat(2_147_483_647), attempt: fc.nat(999_999), nonce });
const position: fc.Arbitrary<Position> = fc.record({ epoch, seq: fc.nat(999_999_999) });
const at = (ordinal: number, attempt: number, seq: number, nonce = "n"): Position => ({
  epoch: { ordinal, attempt, nonce },
  seq,
});

test("a cursor round-trips any position, and its schema accepts it", () => {
  fc.assert(
    fc.property(position, (place) => {
      const text = formatCursor(place);
      expect(parseCursor(text)).toEqual(place);
      expect(Cursor.parse(text)).toBe(text);
    }),
  );
});

test.each([
  "",
  "1.2.abc",
  "1.2.abc.3.4",
  "1.2.ABC.3",
  "1.2..3",
  "-1.2.abc.3",
  "1.2.abc.3\n",
  " 1.2.abc.3",
  "1.1.abc.0x3",
  "1.2.a\u0000c.3",
  "12345678901.1.a.1",
  `1.1.${"a".repeat(33)}.1`,
  "null",
])("%j is not a cursor", (text) => {
  expect(parseCursor(text)).toBeNull();
  expect(Cursor.safeParse(text).success).toBe(false);
});

test("the parser never throws, whatever the text", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseCursor(text)));
});

test("in the same epoch, the next seq applies, earlier ones are old, and one after a gap is a misfit", () => {
  expect(classifyPosition(at(1, 1, 4), at(1, 1, 5))).toBe("next");
  expect(classifyPosition(at(1, 1, 4), at(1, 1, 4))).toBe("old");
  expect(classifyPosition(at(1, 1, 4), at(1, 1, 1))).toBe("old");
  expect(classifyPosition(at(1, 1, 4), at(1, 1, 6))).toBe("misfit");
});

test("a merged frame applies when it begins right after the cursor, and is old when it ends there", () => {
  expect(classifyPosition(at(1, 1, 4), { ...at(1, 1, 9), firstSeq: 5 })).toBe("next");
  expect(classifyPosition(at(1, 1, 4), { ...at(1, 1, 9), firstSeq: 6 })).toBe("misfit");
  expect(classifyPosition(at(1, 1, 4), { ...at(1, 1, 9), firstSeq: 4 })).toBe("misfit");
  expect(classifyPosition(at(1, 1, 9), { ...at(1, 1, 9), firstSeq: 5 })).toBe("old");
});

test("a frame of an older epoch is old; one of a newer epoch, or with another nonce, is a misfit", () => {
  expect(classifyPosition(at(2, 2, 4), at(2, 1, 5))).toBe("old");
  expect(classifyPosition(at(2, 2, 4), at(1, 9, 5))).toBe("old");
  expect(classifyPosition(at(2, 2, 4), at(2, 3, 5))).toBe("misfit");
  expect(classifyPosition(at(2, 2, 4), at(3, 1, 1))).toBe("misfit");
  expect(classifyPosition(at(2, 2, 4, "a"), at(2, 2, 5, "b"))).toBe("misfit");
  expect(classifyPosition(START, at(1, 1, 1))).toBe("misfit");
});

test("a cursor that takes only `next` frames never goes back or skips, even if frames are repeated, lost or reordered", () => {
  const frames = fc.array(fc.record({ ordinal: fc.nat(2), attempt: fc.nat(2), seq: fc.integer({ min: 1, max: 6 }) }));
  fc.assert(
    fc.property(frames, (all) => {
      let cursor = at(1, 1, 2);
      for (const { ordinal, attempt, seq } of all) {
        const frame = at(ordinal, attempt, seq);
        if (classifyPosition(cursor, frame) !== "next") continue;
        expect([sameEpoch(frame.epoch, cursor.epoch), frame.seq]).toEqual([true, cursor.seq + 1]);
        cursor = frame;
      }
    }),
  );
});

test("epochs are ordered by ordinal, then attempt, regardless of the nonce", () => {
  fc.assert(
    fc.property(epoch, epoch, (a, b) => {
      expect(Math.sign(compareEpochs(a, b)) || 0).toBe(0 - Math.sign(compareEpochs(b, a)) || 0);
      if (a.ordinal !== b.ordinal) expect(compareEpochs(a, b) < 0).toBe(a.ordinal < b.ordinal);
    }),
  );
  expect(compareEpochs(at(1, 1, 0, "a").epoch, at(1, 1, 0, "b").epoch)).toBe(0);
  expect(compareEpochs(at(1, 2, 0).epoch, at(1, 10, 0).epoch)).toBeLessThan(0);
});
