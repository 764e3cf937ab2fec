import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReplyReader } from "../../src/model/decode/read-reply.ts";
import { joinPieces } from "./join-pieces.ts";
import { bodyOf, wireCases } from "./wire-case.ts";

/** Larger bodies are tested in fewer chunkings, because each takes time. */
const LARGE = 100_000;

function read(parts: Uint8Array[]) {
  let ids = 0;
  const reader = createReplyReader(["noop"], () => `new${++ids}`);
  const pieces = parts.flatMap((part) => reader.push(part));
  const { pieces: last, outcome } = reader.end();
  return { ...joinPieces([...pieces, ...last]), outcome, loading: reader.hasLoaded() };
}

describe("every response of a server", () => {
  for (const wire of wireCases().filter(({ status }) => status === 200)) {
    it(`is read the same in any chunking: ${wire.id}`, () => {
      const bytes = bodyOf(wire);
      const whole = read([bytes]);
      if (bytes.length < LARGE) expect(read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
          const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
          expect(read(places.slice(1).map((place, at) => bytes.subarray(places[at], place)))).toEqual(whole);
        }),
        { numRuns: bytes.length < LARGE ? 50 : 3 },
      );
    });

    it(`is not an answer when it is cut before its end: ${wire.id}`, () => {
      const bytes = bodyOf(wire);
      const end = bytes.toString("latin1").search(/"finish_reason": ?"[^"]|\[DONE\]/);
      fc.assert(
        fc.property(fc.nat(end === -1 ? bytes.length : end), (length) => {
          expect(read([bytes.subarray(0, length)]).outcome.kind).not.toBe("reply");
        }),
        { numRuns: bytes.length < LARGE ? 50 : 3 },
      );
    });
  }
});
