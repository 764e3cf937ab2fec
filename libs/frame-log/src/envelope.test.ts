import fc from "fast-check";
import { expect, test } from "vitest";
import { openEnvelope, sealTurnFrame, sealVersionedFrame } from "./envelope.ts";

const epoch = fc.record({
  ordinal: fc.integer({ min: 1, max: 2_147_483_647 }),
  attempt: fc.integer({ min: 1, max: 999_999 }),
  nonce: fc.stringMatching(/^[0-9a-z]{1,32}$/),
});

test("a turn frame comes out of its envelope with its position and with unchanged bytes", () => {
  fc.assert(
    fc.property(epoch, fc.nat(1e9), fc.dictionary(fc.string(), fc.jsonValue()), (epoch, seq, frame) => {
      const bytes = sealTurnFrame({ epoch, seq }, frame);
      expect(openEnvelope(bytes)).toEqual({ kind: "turn", position: { epoch, seq }, json: JSON.stringify(frame) });
    }),
  );
});

test("a structural frame comes out with its version", () => {
  const frame = { version: 17, type: "session_renamed", name: "a\nb" };
  expect(openEnvelope(sealVersionedFrame(frame))).toEqual({
    kind: "structure",
    version: 17,
    json: JSON.stringify(frame),
  });
});

test("a line feed in a frame's text does not end the header early", () => {
  const position = { epoch: { ordinal: 1, attempt: 1, nonce: "n" }, seq: 1 };
  const opened = openEnvelope(sealTurnFrame(position, { content: "one\ntwo" }));
  expect(JSON.parse(opened?.json ?? "")).toEqual({ content: "one\ntwo" });
});

test.each([
  "",
  "\n{}",
  "{}",
  "v\n{}",
  "v-1\n{}",
  "v1.5\n{}",
  "v1e3\n{}",
  "v 1\n{}",
  "v0x1\n{}",
  "x1.1.n.1\n{}",
  "1.1.n\n{}",
  "v12",
])("%j is not an envelope", (bytes) => {
  expect(openEnvelope(bytes)).toBeNull();
});
