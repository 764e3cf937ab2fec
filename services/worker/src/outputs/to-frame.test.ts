import { encodeFrame, MAX_FRAME_BYTES } from "@boocode/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type DeltaBody, splitDelta, toFrame, toolResultBody } from "./to-frame.ts";

const source = {
  sessionId: crypto.randomUUID(),
  turnId: crypto.randomUUID(),
  epoch: { ordinal: 1, attempt: 1, nonce: "n" },
};

test.each([null, "\u0001".repeat(60_000)])(
  "a tool's result fits into a frame, whatever its output and its error are",
  (error) => {
    const output = error ?? "\u0001".repeat(60_000);
    const result = { tool_call_id: "call", name: "grep", truncated: false, error };
    const json = encodeFrame(toFrame(source, 1, toolResultBody(crypto.randomUUID(), 2, output, result)));
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    expect(JSON.parse(json)).toMatchObject({ shortened: true });
  },
);

/** A text to be divided, of characters that take one to six bytes in JSON. */
const longText = fc
  .tuple(
    fc.array(fc.constantFrom("a", '"', "\n", "\u0001", "ä", "\u2028", "😀", "\ud83d", "\ude00"), { minLength: 1 }),
    fc.nat(200_000),
  )
  .map(([units, length]) => units.join("").repeat(length / units.length));

test("a text is divided into as few frames as can hold it, each of at most 64 KiB, and no surrogate pair is divided", () => {
  fc.assert(
    fc.property(longText, fc.integer({ min: 1, max: 2_000 }), (content, firstSeq) => {
      const delta: DeltaBody = { type: "delta", message_id: source.turnId, content };
      const bodies = splitDelta(source, firstSeq, delta);
      expect(bodies.map((body) => body.content).join("")).toBe(content);
      const sizes = bodies.map((body, index) =>
        Buffer.byteLength(encodeFrame(toFrame(source, firstSeq + index, body))),
      );
      for (const [index, size] of sizes.entries()) {
        expect(size).toBeLessThanOrEqual(MAX_FRAME_BYTES);
        if (index < sizes.length - 1) expect(size).toBeGreaterThan(MAX_FRAME_BYTES - 6);
        const [first] = bodies[index + 1]?.content ?? "";
        const isDivided = /[\ud800-\udbff]$/.test(bodies[index]?.content ?? "") && /^[\udc00-\udfff]/.test(first ?? "");
        expect(isDivided).toBe(false);
      }
    }),
    { numRuns: 40 },
  );
});

test("a text of millions of characters is divided in linear time", () => {
  const content = "\u0001".repeat(20_000_000);
  const bodies = splitDelta(source, 1, { type: "delta", message_id: source.turnId, content });
  expect(bodies.length).toBeGreaterThan(1_800);
});
