import type { FrameAppender, NumberedFrame } from "@boocode/frame-log";
import { type FrameBody, type FrameSource, splitDelta, toFrame } from "./to-frame.ts";

type DeltaKind = "delta" | "reasoning_delta";

/** A piece of text got its number: from now on it belongs to the text up to `seq`. */
type OnDelta = (kind: DeltaKind, text: string, seq: number) => void;

/** Numbers a turn's frames and brings them to the log. */
export interface FrameWriter {
  /** Text for subscribers. It gathers while an append is under way. */
  delta(kind: DeltaKind, messageId: string, text: string): void;
  /** Numbers the text that has gathered, so that a commit that follows can say up to which frame it is whole. */
  flush(): void;
  /** Numbers frames, after the gathered text. What they state must be committed (a delta excepted). */
  emit(...bodies: FrameBody[]): void;
  /** The newest number given. A commit that n frames will tell of is saved under `lastSeq() + n`. */
  lastSeq(): number;
  /** Resolves when everything has reached the log, or `ms` have passed: the log is a cache, no turn waits for it longer. */
  drained(ms: number): Promise<void>;
  /** Sends nothing more: the turn is no longer this worker's. */
  abandon(): void;
}

export interface FrameWriterDeps {
  appender: FrameAppender;
  /** Time between two appends of text in ms; 0 while the process has few streams. */
  appendIntervalMs: () => number;
  /** False once the lease may have passed to another worker. */
  mayWrite: () => boolean;
  onDelta: OnDelta;
}

/** Frames that wait while Redis is away; then the oldest go, and readers see the gap. */
const MAX_WAITING = 2_000;
const RETRY_MS = 100;
/** Text waits for the append that is under way, but no longer: then it gets its number all the same, and enters the draft. */
const PATIENCE_MS = 250;

/**
 * At most one append is under way for a turn; text gathers meanwhile into the next frame, and the first piece goes at
 * once. A Redis that fails never fails a turn: what could not be sent is sent again, and numbers go on counting.
 */
export function createFrameWriter(source: FrameSource, deps: FrameWriterDeps): FrameWriter {
  let seq = 0;
  let gathered: { kind: DeltaKind; messageId: string; text: string } | null = null;
  let waiting: NumberedFrame[] = [];
  let pumping: Promise<void> | null = null;
  let abandoned = false;
  let nextAppendAt = 0;
  let flushedAt = Number.NEGATIVE_INFINITY;

  function number(body: FrameBody): void {
    seq += 1;
    waiting.push({ seq, frame: toFrame(source, seq, body) });
    if (waiting.length > MAX_WAITING) waiting = waiting.slice(-MAX_WAITING);
  }

  function flush(): void {
    if (!gathered) return;
    const { kind, messageId, text } = gathered;
    gathered = null;
    flushedAt = performance.now();
    for (const body of splitDelta(source, seq + 1, { type: kind, message_id: messageId, content: text })) {
      number(body);
      deps.onDelta(kind, body.content, seq);
    }
  }

  async function pump(): Promise<void> {
    while (!abandoned && (waiting.length > 0 || gathered)) {
      if (waiting.length === 0) {
        const wait = nextAppendAt - performance.now();
        if (wait > 0) await pause(wait);
        flush();
      }
      if (abandoned || !deps.mayWrite()) return;
      const batch = waiting.slice(0, 100);
      const last = batch.at(-1)?.seq ?? 0;
      nextAppendAt = performance.now() + deps.appendIntervalMs();
      try {
        await deps.appender.append(source.sessionId, source.epoch, batch);
        waiting = waiting.filter((frame) => frame.seq > last);
      } catch {
        await pause(RETRY_MS);
      }
    }
  }

  function start(): void {
    pumping ??= pump().finally(() => {
      pumping = null;
      if (!abandoned && deps.mayWrite() && (waiting.length > 0 || gathered)) start();
    });
  }

  return {
    delta(kind, messageId, text) {
      if (gathered && (gathered.kind !== kind || gathered.messageId !== messageId)) flush();
      if (gathered) gathered.text += text;
      else gathered = { kind, messageId, text };
      // Redis hangs or is away: subscribers are served from the draft, which holds what has a number.
      if (waiting.length > 0 && performance.now() - flushedAt > PATIENCE_MS) flush();
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
      const until = performance.now() + ms;
      while (pumping && performance.now() < until) {
        await Promise.race([pumping, pause(Math.max(1, until - performance.now()))]);
      }
      abandoned = true;
    },
    abandon() {
      abandoned = true;
    },
  };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
