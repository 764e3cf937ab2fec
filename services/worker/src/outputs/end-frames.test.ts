import { type Citation, encodeFrame, MAX_FRAME_BYTES } from "@boocode/contracts";
import { expect, test } from "vitest";
import { endFrames } from "./end-frames.ts";
import { toFrame } from "./to-frame.ts";

const SOURCE = { sessionId: "s".repeat(36), turnId: "t".repeat(36), epoch: { ordinal: 1, attempt: 1, nonce: "n" } };
const REPLY = {
  ...{ messageId: "m".repeat(36), content: "x", reasoning: null, toolCalls: null, finishReason: null, model: null },
  ...{ tokensUsed: null, ctxUsed: null, ctxMax: null },
};

const framesOf = (citations?: Citation[] | null) => endFrames({ status: "complete" }, { ...REPLY, citations });

test("citations lie between the end of the message and that of the turn, in frames of at most 64 KiB", () => {
  const citations = Array.from({ length: 500 }, (_, index): Citation => {
    const path = `${"ä/".repeat(60)}${index}.ts`;
    return {
      start: index * 9,
      end: index * 9 + 8,
      path,
      first: 1,
      last: 2,
      level: "moved",
      moved_to: { first: 3, last: 3 },
    };
  });
  const frames = framesOf(citations);
  expect(frames.at(0)?.type).toBe("message_complete");
  expect(frames.at(-1)?.type).toBe("turn_finished");
  const between = frames.slice(1, -1).map((frame) => (frame.type === "citations" ? frame : expect.fail(frame.type)));
  expect(between.length).toBeGreaterThan(1);
  expect(between.flatMap((frame) => frame.citations)).toEqual(citations);
  for (const [index, frame] of between.entries()) {
    const encoded = encodeFrame(toFrame(SOURCE, index + 1, frame));
    expect(Buffer.byteLength(encoded)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
  }
});

test("a message that cites nothing has an empty frame, and one that was not checked has none", () => {
  expect(framesOf([])).toMatchObject([{ type: "message_complete" }, { citations: [] }, { type: "turn_finished" }]);
  for (const unchecked of [null, undefined]) {
    expect(framesOf(unchecked).map(({ type }) => type)).toEqual(["message_complete", "turn_finished"]);
  }
});
