import { classifyPosition, type Position, type SessionFrame } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import type { SessionPosition } from "@boocode/store";
import { createTopicReader, type TopicReads, type TopicState } from "../joining/topic-reader.ts";
import { createCatchUp } from "./catch-up.ts";
import {
  createSubscriberService,
  type Published,
  rejoin,
  type Subscriber,
  type TopicLimits,
  toPublished,
} from "./subscriber.ts";

/** A session that somebody follows at this gateway. */
export interface SessionTopic {
  readonly subscribers: ReadonlySet<Subscriber>;
  add(subscriber: Subscriber): void;
  remove(subscriber: Subscriber): void;
  /** A frame was published on the session's channel. */
  receive(envelope: Envelope): void;
  /** The subscription to Redis was lost for some time: every subscriber joins again. */
  gap(): void;
  /**
   * The position check: finds frames that were lost, turns that another worker took over, and deleted sessions.
   * @param position of the session in Postgres; null when the session does not exist
   * @param redisIsAway true: no frame can be on its way
   */
  check(position: SessionPosition | null, redisIsAway: boolean): void;
  /** Tells the live subscribers what the queued turns wait for, if that has changed since they were told. */
  tellWaiting(turns: TurnsWaiting["turns"]): void;
  /** Ends the subscribers of users who may no longer read the session. */
  revoke(userIds: readonly string[]): void;
  /** Ends subscribers that were behind for too long, serves those that have drained, and drops an expired cached read. */
  sweep(now: number): void;
}

export type TurnsWaiting = Extract<SessionFrame, { type: "turns_waiting" }>;

export interface SessionTopicDeps {
  sessionId: string;
  reads: TopicReads;
  limits: TopicLimits;
  pause(ms: number): Promise<void>;
  onCatchUpFailed(error: unknown): void;
}

/** A committed frame may take this long to arrive before it counts as lost. */
const GRACE_MS = 150;
/** After a gap, the gateway's topics spread their reads over this time. */
const GAP_SPREAD_MS = 300;

export function createSessionTopic(deps: SessionTopicDeps): SessionTopic {
  const subscribers = new Set<Subscriber>();
  const service = createSubscriberService(deps.sessionId, deps.limits);
  const reader = createTopicReader(deps.sessionId, deps.reads);
  const catchUp = createCatchUp({
    joining: () => [...subscribers].filter((subscriber) => subscriber.state.mode === "joining"),
    read: (cursors) => reader.read(cursors),
    serve,
    onGone: () => closeAll(),
    onFailed: deps.onCatchUpFailed,
    pause: deps.pause,
  });
  let lastCheck: SessionPosition | null = null;
  /** Received and not relayed yet. */
  let published: Envelope[] = [];
  /** The last `turns_waiting` of each subscriber. */
  const told = new WeakMap<Subscriber, string>();

  function close(which: (subscriber: Subscriber) => boolean): void {
    for (const subscriber of [...subscribers].filter(which)) {
      subscribers.delete(subscriber);
      subscriber.transport.close("not_found");
    }
  }
  const closeAll = () => close(() => true);

  function deliver(subscriber: Subscriber, frames: Published): void {
    if (!service.deliver(subscriber, frames)) joinAgain(subscriber);
  }

  function relay(): void {
    const frames = toPublished(published);
    published = [];
    for (const subscriber of subscribers) deliver(subscriber, frames);
  }

  function joinAgain(subscriber: Subscriber): void {
    rejoin(subscriber);
    catchUp.start(0);
  }

  function serve(joining: Subscriber[], topic: TopicState, buffer: readonly Envelope[] | null): void {
    const buffered = toPublished(buffer ?? []);
    for (const subscriber of joining) {
      if (!subscribers.has(subscriber) || subscriber.state.mode !== "joining") continue;
      service.catchUp(subscriber, topic);
      if (!buffer) rejoin(subscriber);
      else deliver(subscriber, buffered);
    }
  }

  /** Subscribers that are still behind `position` after the grace period join again. */
  async function joinAgainIfStillBehind(late: Subscriber[], position: SessionPosition): Promise<void> {
    if (late.length === 0) return;
    await deps.pause(GRACE_MS);
    for (const subscriber of late) {
      if (subscribers.has(subscriber) && isBehind(subscriber, position)) joinAgain(subscriber);
    }
  }

  return {
    subscribers,
    add(subscriber) {
      subscribers.add(subscriber);
      catchUp.start(0);
    },
    remove: (subscriber) => void subscribers.delete(subscriber),
    receive(envelope) {
      reader.onPublished(envelope);
      catchUp.receive(envelope);
      // Several messages of Redis can arrive in one read of its connection. By the time of the relay, a join may have sent some of
      // them already: they are old then.
      if (published.push(envelope) === 1) queueMicrotask(relay);
    },
    gap() {
      reader.invalidate();
      catchUp.gap();
      for (const subscriber of subscribers) if (subscriber.state.mode === "live") rejoin(subscriber);
      catchUp.start(Math.random() * GAP_SPREAD_MS);
    },
    check(position, redisIsAway) {
      if (!position) return closeAll();
      reader.onChecked(position);
      // Frames are committed before they are sent, so Postgres is often slightly ahead: a subscriber has missed a frame only if
      // it is behind the previous check. After an end, or a takeover by another worker, it is enough to be behind for the grace
      // period, because there may be no later frame that would show the gap.
      const previous = lastCheck;
      const late: Subscriber[] = [];
      for (const subscriber of subscribers) {
        const { state } = subscriber;
        if (state.mode !== "live") continue;
        const isLate = isBehind(subscriber, position);
        if ((previous && isBehind(subscriber, previous)) || (redisIsAway && isLate)) joinAgain(subscriber);
        else if (isLate && (position.turn?.ended || isTakenOver(state.cursor, position))) late.push(subscriber);
        else if (previous && state.version < previous.version) service.sendVersion(subscriber, position.version);
      }
      void joinAgainIfStillBehind(late, position);
      lastCheck = position;
    },
    tellWaiting(turns) {
      const frame: TurnsWaiting = { type: "turns_waiting", session_id: deps.sessionId, turns };
      const json = JSON.stringify(frame);
      for (const subscriber of subscribers) {
        if (told.get(subscriber) !== json && service.sendNotice(subscriber, json)) told.set(subscriber, json);
      }
    },
    revoke: (userIds) => close(({ userId }) => userIds.includes(userId)),
    sweep(now) {
      reader.sweep(now);
      for (const subscriber of subscribers) if (!service.sweep(subscriber, now)) joinAgain(subscriber);
    },
  };
}

function isBehind({ state }: Subscriber, { turn }: SessionPosition): boolean {
  if (state.mode !== "live" || !turn) return false;
  return classifyPosition(state.cursor, { epoch: turn, seq: turn.last_seq }) !== "old";
}

const isTakenOver = ({ epoch }: Position, { turn }: SessionPosition) =>
  turn !== null && epoch.ordinal === turn.ordinal && epoch.attempt < turn.attempt;
