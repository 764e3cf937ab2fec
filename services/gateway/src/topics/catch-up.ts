import type { Envelope } from "@boocode/frame-log";
import type { TopicReader, TopicState } from "../joining/topic-reader.ts";
import type { Subscriber } from "./subscriber.ts";

/*
 * The catch-up of one topic: one read of Postgres and of the log serves every subscriber that is joining. At most one
 * runs at a time. A subscriber that joins during the read is served by the next one, since this read may be too early for it.
 *
 *           start               pause is over
 *   idle ───────────► waiting ─────────────────► reading
 *    ▲                 │   ▲                        │
 *    └─────────────────┘   └────────────────────────┘
 *     nobody is joining     served, or the read failed
 */
interface Reading {
  phase: "reading";
  /** What was published since the read began. */
  buffer: Envelope[];
  /** The subscription has had a gap since then, so the buffer is incomplete. */
  interrupted: boolean;
}
type State = { phase: "idle" } | { phase: "waiting" } | Reading;

/** A catch-up that buffered this many frames is repeated. */
const MAX_BUFFERED = 2_000;
/**
 * The least time between the starts of two catch-ups. Without it, a gap that neither log nor draft fills yet would cause a read
 * at each frame.
 */
const SPACING_MS = 50;
const RETRY_MS = 300;

export interface CatchUpDeps {
  /** The subscribers that are joining now. */
  joining(): Subscriber[];
  read: TopicReader["read"];
  /**
   * @param buffer what was published during the read, oldest first; null when some of it is missing: the subscribers must
   * join again
   */
  serve(subscribers: Subscriber[], topic: TopicState, buffer: readonly Envelope[] | null): void;
  /** The session no longer exists. */
  onGone(): void;
  /** A catch-up failed and will be tried again. */
  onFailed(error: unknown): void;
  pause(ms: number): Promise<void>;
}

export interface CatchUp {
  /** Serves joining subscribers until none is left; does nothing if already running. @param pauseMs before the first read */
  start(pauseMs: number): void;
  /** Keeps a published frame for the subscribers that the current read serves. */
  receive(envelope: Envelope): void;
  /** The subscription to Redis was lost for some time. */
  gap(): void;
}

export function createCatchUp(deps: CatchUpDeps): CatchUp {
  let state: State = { phase: "idle" };
  let nextAt = 0;

  async function run(pauseMs: number): Promise<void> {
    state = { phase: "waiting" };
    try {
      await deps.pause(pauseMs);
      while (deps.joining().length > 0) {
        await deps.pause(Math.max(0, nextAt - performance.now()));
        nextAt = performance.now() + SPACING_MS;
        try {
          await catchUp(deps.joining());
        } catch (error) {
          state = { phase: "waiting" };
          deps.onFailed(error);
          await deps.pause(RETRY_MS);
        }
      }
    } finally {
      state = { phase: "idle" };
    }
  }

  async function catchUp(subscribers: Subscriber[]): Promise<void> {
    const reading: Reading = { phase: "reading", buffer: [], interrupted: false };
    state = reading;
    const topic = await deps.read(subscribers.map((subscriber) => subscriber.state.cursor));
    // Changed in the same tick as `serve` runs: a frame that arrived in between would be neither buffered nor sent.
    state = { phase: "waiting" };
    if (!topic) return deps.onGone();
    const isWhole = !reading.interrupted && reading.buffer.length < MAX_BUFFERED;
    deps.serve(subscribers, topic, isWhole ? reading.buffer : null);
  }

  return {
    start(pauseMs) {
      if (state.phase === "idle") void run(pauseMs);
    },
    receive(envelope) {
      if (state.phase === "reading" && state.buffer.length < MAX_BUFFERED) state.buffer.push(envelope);
    },
    gap() {
      if (state.phase === "reading") state.interrupted = true;
    },
  };
}
