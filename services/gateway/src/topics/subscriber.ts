import { judge, type Position, type SessionFrame } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import { idOf, planJoin } from "../joining/plan-join.ts";
import type { TopicState } from "../joining/topic-reader.ts";
import type { Transport } from "../transports/transport.ts";

/**
 * One subscriber of a session.
 *
 * `joining`: waits for the topic's next pass. `live`: gets frames as they come. `behind`: has not read what it was sent, gets
 * nothing, and joins again from its cursor once it has read.
 */
export interface Subscriber {
  readonly transport: Transport;
  /** null until the first join of a subscriber that brought no cursor. */
  cursor: Position | null;
  /** The newest structural version that this subscriber was told of; null before `subscribed`. */
  version: number | null;
  mode: "joining" | "live" | "behind";
  behindSince: number;
}

export function createSubscriber(transport: Transport, cursor: Position | null): Subscriber {
  return { transport, cursor, version: null, mode: "joining", behindSince: 0 };
}

export interface TopicLimits {
  behindBytes: number;
  caughtUpBytes: number;
  maxUnsentBytes: number;
  behindTimeoutMs: number;
}

/** What one subscriber of a session is sent, and where it then stands. Whom to serve, and when, is the topic's business. */
export interface SubscriberService {
  /** Passes on what was published, if it is the very next. @returns false when the subscriber must join again */
  deliver(subscriber: Subscriber, envelope: Envelope, bytes: Buffer): boolean;
  /** Brings a subscriber that joins to what is known; from then on it is live. */
  catchUp(subscriber: Subscriber, state: TopicState): void;
  /** Structural frames were missed: nothing of a turn is news, the version says that the session has changed. */
  tellVersion(subscriber: Subscriber, version: number): void;
  /** Looks after a subscriber that has not read what it was sent. @returns false when it has now, and must join again */
  sweep(subscriber: Subscriber, now: number): boolean;
}

export function createSubscriberService(sessionId: string, limits: TopicLimits): SubscriberService {
  /** Sends, unless the subscriber has not read what it got: then it falls behind. */
  function send(subscriber: Subscriber, json: string | Buffer, id: string | null): boolean {
    const unsent = subscriber.transport.unsent();
    if (unsent > limits.maxUnsentBytes) subscriber.transport.terminate();
    else if (unsent > limits.behindBytes) {
      if (subscriber.mode !== "behind") subscriber.behindSince = performance.now();
      subscriber.mode = "behind";
    } else {
      subscriber.transport.send(json, id);
      return true;
    }
    return false;
  }

  function tellVersion(subscriber: Subscriber, version: number): void {
    if (!subscriber.cursor) return;
    const cursor = idOf(subscriber.cursor);
    const frame: SessionFrame = { type: "snapshot", session_id: sessionId, version, cursor, turn: null, messages: [] };
    if (send(subscriber, JSON.stringify(frame), null)) subscriber.version = version;
  }

  return {
    tellVersion,
    deliver(subscriber, envelope, bytes) {
      if (envelope.kind === "structure") {
        if (subscriber.version === null || envelope.version <= subscriber.version) return true;
        if (send(subscriber, bytes, null)) subscriber.version = envelope.version;
        return true;
      }
      if (!subscriber.cursor) return true;
      const verdict = judge(subscriber.cursor, envelope.position);
      if (verdict === "next" && send(subscriber, bytes, idOf(envelope.position))) subscriber.cursor = envelope.position;
      return verdict !== "misfit";
    },
    catchUp(subscriber, { turns, version }) {
      const plan = planJoin(subscriber.cursor, turns);
      subscriber.mode = "live";
      if (subscriber.version === null) {
        const cursor = idOf(plan.from);
        const subscribed: SessionFrame = { type: "subscribed", session_id: sessionId, version, cursor };
        subscriber.transport.send(JSON.stringify(subscribed), cursor);
        subscriber.version = version;
        subscriber.cursor = plan.from;
      }
      for (const frame of plan.frames) {
        if (!send(subscriber, frame.json, idOf(frame.position))) return;
        subscriber.cursor = frame.position;
      }
      subscriber.cursor = plan.cursor;
      if (version > subscriber.version) tellVersion(subscriber, version);
    },
    sweep(subscriber, now) {
      if (subscriber.mode !== "behind") return true;
      if (subscriber.transport.unsent() > limits.maxUnsentBytes) subscriber.transport.terminate();
      else if (subscriber.transport.unsent() <= limits.caughtUpBytes) return false;
      else if (now - subscriber.behindSince > limits.behindTimeoutMs) subscriber.transport.close("too_slow");
      return true;
    },
  };
}
