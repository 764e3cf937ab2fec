import { formatCursor, type Position, type SessionFrame } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import { classifyLive, endsTurn, type LivePosition } from "../joining/classify-live.ts";
import { planJoin } from "../joining/plan-join.ts";
import type { TopicState } from "../joining/topic-reader.ts";
import { type Batch, createBatch } from "../transports/batch.ts";
import type { Transport } from "../transports/transport.ts";

/*
 * One subscriber of a session.
 *
 *             catch-up ends
 *   joining ─────────────────► live ──────────────► behind
 *    ▲   ▲                      │    unsent bytes     │
 *    │   └──────────────────────┘    over limit       ├──► closed: over MAX_UNSENT_BYTES, or behind for too long
 *    │      gap, misfit, or the                       │
 *    │      position check finds it late              │
 *    └────────────────────────────────────────────────┘
 *                 unsent bytes below CAUGHT_UP_BYTES
 */

/** Waits for the topic's next catch-up, and receives nothing until then. */
interface Joining {
  mode: "joining";
  /** null: the client has no cursor yet. */
  cursor: Position | null;
  /** The newest structural version that was sent; null: `subscribed` was not sent yet. */
  version: number | null;
}

/** Receives every frame that follows its cursor. */
interface Live extends LivePosition {
  mode: "live";
  version: number;
}

/** Has too many unsent bytes: receives nothing, and joins again from its cursor once the socket has drained. */
interface Behind {
  mode: "behind";
  cursor: Position;
  version: number;
  /** A time of `performance.now()`. */
  behindSince: number;
}

export interface Subscriber {
  readonly transport: Transport;
  readonly userId: string;
  state: Joining | Live | Behind;
}

export function createSubscriber(transport: Transport, userId: string, cursor: Position | null): Subscriber {
  return { transport, userId, state: { mode: "joining", cursor, version: null } };
}

/** Makes a subscriber wait for the next catch-up; it keeps its cursor. */
export function rejoin(subscriber: Subscriber): void {
  const { cursor, version } = subscriber.state;
  subscriber.state = { mode: "joining", cursor, version };
}

/** After this many characters in one write, a subscriber's unsent bytes are looked at again. */
const MAX_WRITE = 64 * 1024;

/** Limits of a socket's unsent bytes, and of the time for which it may be behind. */
export interface TopicLimits {
  behindBytes: number;
  caughtUpBytes: number;
  maxUnsentBytes: number;
  behindTimeoutMs: number;
}

/** Frames that were published on the session's channel, oldest first. */
export interface Published {
  envelopes: readonly Envelope[];
  batch: Batch;
}

export function toPublished(envelopes: readonly Envelope[]): Published {
  const outgoing = envelopes.map((envelope) => {
    return { json: envelope.json, id: envelope.kind === "turn" ? formatCursor(envelope.position) : null };
  });
  return { envelopes, batch: createBatch(outgoing) };
}

/** Sends frames to the subscribers of one session and moves their cursors. The topic decides whom to serve, and when. */
export interface SubscriberService {
  /**
   * Sends a live subscriber those of the published frames that follow what it was sent.
   * @returns false when the subscriber must join again
   */
  deliver(subscriber: Subscriber, published: Published): boolean;
  /** Sends a joining subscriber everything in `topic` that it has not received yet, and makes it live. */
  catchUp(subscriber: Subscriber, topic: TopicState): void;
  /** Sends a live subscriber a snapshot without a turn: its client sees the new version and loads the session again. */
  sendVersion(subscriber: Subscriber, version: number): void;
  /** Sends a frame without a number. @returns false when the subscriber is not live or cannot take it now */
  sendNotice(subscriber: Subscriber, json: string): boolean;
  /** Ends a subscriber that was behind for too long. @returns false when its socket has drained and it must join again */
  sweep(subscriber: Subscriber, now: number): boolean;
}

export function createSubscriberService(sessionId: string, limits: TopicLimits): SubscriberService {
  /** @returns false when nothing can be sent, because the subscriber is now behind or terminated */
  function canTake(subscriber: Subscriber, { cursor, version }: Live): boolean {
    const { transport } = subscriber;
    const unsent = transport.unsent();
    if (unsent <= limits.behindBytes) return true;
    if (unsent > limits.maxUnsentBytes) transport.terminate();
    else subscriber.state = { mode: "behind", cursor, version, behindSince: performance.now() };
    return false;
  }

  /** @returns false when the frame was not sent */
  function send(subscriber: Subscriber, state: Live, json: string, id: string | null): boolean {
    if (!canTake(subscriber, state)) return false;
    subscriber.transport.send(json, id);
    return true;
  }

  function sendVersion(subscriber: Subscriber, version: number): void {
    const { state } = subscriber;
    if (state.mode !== "live") return;
    const cursor = formatCursor(state.cursor);
    const frame: SessionFrame = { type: "snapshot", session_id: sessionId, version, cursor, turn: null, messages: [] };
    if (send(subscriber, state, JSON.stringify(frame), null)) state.version = version;
  }

  /** The first frame of every subscription. */
  function sendSubscribed({ transport }: Subscriber, from: Position, version: number): void {
    const cursor = formatCursor(from);
    const frame: SessionFrame = { type: "subscribed", session_id: sessionId, version, cursor };
    transport.send(JSON.stringify(frame), cursor);
  }

  return {
    sendVersion,
    sendNotice: (subscriber, json) =>
      subscriber.state.mode === "live" && send(subscriber, subscriber.state, json, null),
    deliver(subscriber, { envelopes, batch }) {
      const { state, transport } = subscriber;
      if (state.mode !== "live") return true;
      /** The frames from here to the present one are accepted and not sent. */
      let from = 0;
      let characters = 0;
      const flush = (to: number, next: number) => {
        if (to > from) transport.relay(batch, from, to);
        from = next;
        characters = 0;
      };
      for (const [at, frame] of envelopes.entries()) {
        const verdict = classify(state, frame);
        if (verdict !== "next") flush(at, at + 1);
        if (verdict === "misfit") return false;
        if (verdict === "old") continue;
        if (characters > MAX_WRITE) flush(at, at);
        if (at === from && !canTake(subscriber, state)) return true;
        characters += frame.json.length;
        advance(state, frame);
      }
      flush(envelopes.length, 0);
      return true;
    },
    catchUp(subscriber, { turns, version }) {
      const { cursor, version: sentVersion } = subscriber.state;
      const plan = planJoin(cursor, turns);
      if (sentVersion === null) sendSubscribed(subscriber, plan.from, version);
      const state: Live = { mode: "live", cursor: plan.from, isOver: false, version: sentVersion ?? version };
      subscriber.state = state;
      for (const frame of plan.frames) {
        if (!send(subscriber, state, frame.json, formatCursor(frame.position))) return;
        state.cursor = frame.position;
      }
      state.cursor = plan.cursor;
      state.isOver = plan.isOver;
      if (version > state.version) sendVersion(subscriber, version);
    },
    sweep({ transport, state }, now) {
      if (state.mode !== "behind") return true;
      if (transport.unsent() > limits.maxUnsentBytes) transport.terminate();
      else if (transport.unsent() <= limits.caughtUpBytes) return false;
      else if (now - state.behindSince > limits.behindTimeoutMs) transport.close("too_slow");
      return true;
    },
  };
}

function classify(state: Live, frame: Envelope): "next" | "old" | "misfit" {
  if (frame.kind === "turn") return classifyLive(state, frame.position);
  return frame.version > state.version ? "next" : "old";
}

function advance(state: Live, frame: Envelope): void {
  if (frame.kind === "structure") state.version = frame.version;
  else {
    state.cursor = frame.position;
    state.isOver = endsTurn(frame.json);
  }
}
