import { MAX_FRAME_BYTES } from "@boocode/contracts";
import { expect, test } from "vitest";
import { toFrame, toolResultBody } from "./to-frame.ts";

const source = {
  sessionId: crypto.randomUUID(),
  turnId: crypto.randomUUID(),
  epoch: { ordinal: 1, attempt: 1, nonce: "n" },
};

test.each([null, "\u0001".repeat(60_000)])(
  "a tool's result fits into a frame, whatever it and its failure say",
  (error) => {
    const output = error ?? "\u0001".repeat(60_000);
    const result = { tool_call_id: "call", name: "grep", truncated: false, error };
    const frame = toFrame(source, 1, toolResultBody(crypto.randomUUID(), 2, output, result));
    expect(Buffer.byteLength(JSON.stringify(frame))).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    expect(frame).toMatchObject({ shortened: true });
  },
);
