import type { FrameAppender, NumberedFrame } from "@boocode/frame-log";
import { expect, test, vi } from "vitest";
import { createFrameWriter } from "./frame-writer.ts";

const source = { sessionId: "s", turnId: "t", epoch: { ordinal: 1, attempt: 1, nonce: "n" } };

function setUp(append: FrameAppender["append"]) {
  const text: string[] = [];
  const writer = createFrameWriter(source, {
    appender: { append, together: (write) => write() },
    mayWrite: () => true,
    onDelta: (_kind, piece, seq) => text.push(`${seq}:${piece}`),
  });
  return { writer, text };
}

test("text that arrives while an append is in flight is sent together, under one number", async () => {
  const appended: NumberedFrame[][] = [];
  let release = () => {};
  const { writer, text } = setUp(async (_session, _epoch, frames) => {
    appended.push(frames);
    if (appended.length === 1) await new Promise<void>((resolve) => (release = resolve));
  });
  for (const piece of ["a", "b", "c"]) writer.delta("delta", "m", piece);
  release();
  await writer.drained(1_000);
  expect(text).toEqual(["1:a", "2:bc"]);
  writer.abandon();
});

test("text does not wait for a Redis that hangs: it gets its number and so enters the draft", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const { writer, text } = setUp(() => new Promise(() => {}));
    writer.emit({ type: "turn_started", ordinal: 1 });
    writer.delta("delta", "m", "a");
    expect(text).toEqual(["2:a"]);
    writer.delta("delta", "m", "b");
    expect(text).toHaveLength(1);
    vi.advanceTimersByTime(300);
    writer.delta("delta", "m", "c");
    expect(text).toEqual(["2:a", "3:bc"]);
    writer.abandon();
  } finally {
    vi.useRealTimers();
  }
});
