import type { FrameAppender, NumberedFrame } from "@boocode/frame-log";
import { type FrameBody, type FrameSource, splitDelta, toFrame } from "./to-frame.ts";

type DeltaKind = "delta" | "reasoning_delta";

/** Called when a piece of text gets its number. From then on the text up to `seq` includes it. */
type OnDelta = (kind: DeltaKind, text: string, seq: number) => void;

/** Numbers the frames of an attempt and appends them to the frame log. */
export interface FrameWriter {
  /** Takes text for subscribers. Text accumulates while an append is in flight. */
  delta(kind: DeltaKind, messageId: string, text: string): void;
  /** Numbers the accumulated text, so that the next commit can state the frame up to which it is complete. */
  flush(): void;
  /** Numbers frames, after the accumulated text. What they state must already be committed, except for deltas. */
  emit(...bodies: FrameBody[]): void;
  /** The last number given. A commit that n frames will state is saved with `lastSeq() + n`. */
  lastSeq(): number;
  /** Resolves when the log has all frames, or after `ms`: the log is a cache, and no turn waits longer for it. */
  drained(ms: number): Promise<void>;
  /** Appends nothing more. */
  abandon(): void;
}

export interface FrameWriterDeps {
  appender: FrameAppender;
  /** False once the lease may have passed to another worker. */
  mayWrite: () => boolean;
  onDelta: OnDelta;
}

/** The most frames that wait while Redis is away. After that the oldest are dropped, and readers detect the gap. */
const MAX_WAITING = 2_000;
const RETRY_MS = 100;
/** The most frames of one append. */
const MOST_AT_ONCE = 100;
/** The longest time that text waits for the append in flight. Then it gets its number anyway, and so enters the draft. */
const FLUSH_AFTER_MS = 250;

/**
 * At most one append per turn is in flight. Text is sent at once when none is; else it accumulates into the next frame. A Redis
 * failure never fails a turn: a failed append is retried, and numbering continues.
 */
export function createFrameWriter(source: FrameSource, deps: FrameWriterDeps): FrameWriter {
  let seq = 0;
  let pending: { kind: DeltaKind; messageId: string; text: string } | null = null;
  let waiting: NumberedFrame[] = [];
  /** An append is in flight or about to be sent. */
  let busy = false;
  let abandoned = false;
  let flushedAt = Number.NEGATIVE_INFINITY;
  let onIdle = () => {};

  function number(body: FrameBody): void {
    seq += 1;
    waiting.push({ seq, frame: toFrame(source, seq, body) });
    if (waiting.length > MAX_WAITING) waiting = waiting.slice(-MAX_WAITING);
  }

  function flush(): void {
    if (!pending) return;
    const { kind, messageId, text } = pending;
    pending = null;
    flushedAt = performance.now();
    for (const body of splitDelta(source, seq + 1, { type: kind, message_id: messageId, content: text })) {
      number(body);
      deps.onDelta(kind, body.content, seq);
    }
  }

  function start(): void {
    if (busy || abandoned) return;
    busy = true;
    deps.appender.together(send);
  }

  function send(): void {
    if (!abandoned) flush();
    if (abandoned || waiting.length === 0 || !deps.mayWrite()) {
      busy = false;
      onIdle();
      return;
    }
    const batch = waiting.slice(0, MOST_AT_ONCE);
    const last = batch.at(-1)?.seq ?? 0;
    deps.appender.append(source.sessionId, source.epoch, batch).then(
      () => {
        waiting = waiting.filter((frame) => frame.seq > last);
        if (waiting.length > 0 || pending) deps.appender.together(send);
        else send();
      },
      () => void setTimeout(send, RETRY_MS),
    );
  }

  return {
    delta(kind, messageId, text) {
      if (pending && (pending.kind !== kind || pending.messageId !== messageId)) flush();
      if (pending) pending.text += text;
      else pending = { kind, messageId, text };
      // Redis hangs or is down: subscribers are served from the draft, which holds only numbered text.
      if (waiting.length > 0 && performance.now() - flushedAt > FLUSH_AFTER_MS) flush();
      start();
    },
    flush() {
      flush();
      start();
    },
    emit(...bodies) {
      flush();
      for (const body of bodies) number(body);
      start();
    },
    lastSeq: () => seq,
    async drained(ms) {
      if (busy) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          onIdle = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      abandoned = true;
    },
    abandon() {
      abandoned = true;
    },
  };
}
