import { judge } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import type { SessionPosition } from "@boocode/store";
import { createTopicReader, type TopicReads } from "../joining/topic-reader.ts";
import { createSubscriberService, type Subscriber, type TopicLimits } from "./subscriber.ts";

/** Everything about one watched session in this gateway. */
export interface SessionTopic {
  readonly subscribers: ReadonlySet<Subscriber>;
  add(subscriber: Subscriber): void;
  remove(subscriber: Subscriber): void;
  /** Something was published on the session's channel. */
  receive(envelope: Envelope): void;
  /** The subscription had a gap: everybody joins again. */
  gap(): void;
  /**
   * What Postgres says now; null when the session is gone.
   * @param nothingComes Redis is away: whatever Postgres has is not on its way to anybody
   */
  check(position: SessionPosition | null, nothingComes: boolean): void;
  /** Looks after sockets that have not read what they were sent, and lets go of what is no longer needed. */
  sweep(now: number): void;
}

export interface SessionTopicDeps {
  sessionId: string;
  reads: TopicReads;
  limits: TopicLimits;
  /** Waits before a pass: 0 for a newcomer, a little and at random after a gap, so that not all read at once. */
  pause(ms: number): Promise<void>;
  onPassFailed(error: unknown): void;
}

/** Frames that are kept during a pass; more than that and whoever joins, joins again. */
const MAX_BUFFERED = 2_000;
/** A frame that was committed may be on its way for so long before it counts as lost. */
const ON_ITS_WAY_MS = 150;
/** Between the beginnings of two passes over one session. */
const PASS_GAP_MS = 50;

export function createSessionTopic(deps: SessionTopicDeps): SessionTopic {
  const subscribers = new Set<Subscriber>();
  const service = createSubscriberService(deps.sessionId, deps.limits);
  const reader = createTopicReader(deps.sessionId, deps.reads);
  /** What came in since the pass that is under way began to read. */
  let buffer: Envelope[] | null = null;
  let passing = false;
  let gaps = 0;
  let nextPassAt = 0;
  let lastCheck: SessionPosition | null = null;

  function endAll(): void {
    for (const subscriber of subscribers) subscriber.transport.close("not_found");
    subscribers.clear();
  }

  function deliver(subscriber: Subscriber, envelope: Envelope, bytes: Buffer): void {
    if (!service.deliver(subscriber, envelope, bytes)) rejoin(subscriber);
  }

  function rejoin(subscriber: Subscriber): void {
    subscriber.mode = "joining";
    void passes(0);
  }

  /**
   * Serves everybody who waits to join, again and again until nobody does: one pass at a time, one read of Postgres for all of
   * them. A pass that began before somebody came would have read too early for that one, so that they wait for the next.
   */
  async function passes(pauseMs: number): Promise<void> {
    if (passing) return;
    passing = true;
    try {
      await deps.pause(pauseMs);
      while (joiners().length > 0) {
        // A gap that neither the log nor the draft fills yet would otherwise be read again at every frame.
        await deps.pause(Math.max(0, nextPassAt - performance.now()));
        nextPassAt = performance.now() + PASS_GAP_MS;
        try {
          await pass(joiners());
        } catch (error) {
          deps.onPassFailed(error);
          await deps.pause(300);
        }
      }
    } finally {
      buffer = null;
      passing = false;
    }
  }

  /** Those to whom what they lack has not come in a moment. */
  async function rejoinThoseBehind(late: Subscriber[], position: SessionPosition): Promise<void> {
    if (late.length === 0) return;
    await deps.pause(ON_ITS_WAY_MS);
    for (const subscriber of late) {
      if (subscribers.has(subscriber) && subscriber.mode === "live" && isBehind(subscriber, position))
        rejoin(subscriber);
    }
  }

  const joiners = () => [...subscribers].filter((subscriber) => subscriber.mode === "joining");

  async function pass(joining: Subscriber[]): Promise<void> {
    buffer = [];
    const gapsBefore = gaps;
    const state = await reader.read(joining.map((subscriber) => subscriber.cursor));
    if (!state) {
      endAll();
      return;
    }
    const missed = buffer;
    buffer = null;
    for (const subscriber of joining) {
      if (!subscribers.has(subscriber) || subscriber.mode !== "joining") continue;
      service.catchUp(subscriber, state);
      // What was published while the connection was away is neither in what was read nor in the buffer.
      if (missed.length >= MAX_BUFFERED || gaps !== gapsBefore) subscriber.mode = "joining";
      else
        for (const envelope of missed)
          if (isLive(subscriber)) deliver(subscriber, envelope, Buffer.from(envelope.json));
    }
  }

  const isLive = (subscriber: Subscriber) => subscriber.mode === "live";

  return {
    subscribers,
    add(subscriber) {
      subscribers.add(subscriber);
      void passes(0);
    },
    remove: (subscriber) => void subscribers.delete(subscriber),
    receive(envelope) {
      reader.saw(envelope);
      if (buffer && buffer.length < MAX_BUFFERED) buffer.push(envelope);
      const bytes = Buffer.from(envelope.json);
      for (const subscriber of subscribers) if (subscriber.mode === "live") deliver(subscriber, envelope, bytes);
    },
    gap() {
      gaps += 1;
      reader.forget();
      for (const subscriber of subscribers) if (subscriber.mode === "live") subscriber.mode = "joining";
      void passes(Math.random() * 300);
    },
    check(position, nothingComes) {
      if (!position) return endAll();
      reader.checked(position);
      // A frame is committed before it is sent, so that Postgres is ahead for a moment in fair weather too: who is
      // behind what the last check saw has missed something. Who is behind an end, or still with an older attempt (whoever
      // takes a turn over may be long in speaking), need not wait for another check.
      const before = lastCheck;
      const late: Subscriber[] = [];
      for (const subscriber of subscribers) {
        if (subscriber.mode !== "live") continue;
        const hasMissed = before && isBehind(subscriber, before);
        const lacks = isBehind(subscriber, position);
        if (hasMissed || (nothingComes && lacks)) rejoin(subscriber);
        else if (lacks && (position.turn?.ended || isTakenOver(subscriber, position))) late.push(subscriber);
        else if (before && subscriber.version !== null && subscriber.version < before.version)
          service.tellVersion(subscriber, position.version);
      }
      void rejoinThoseBehind(late, position);
      lastCheck = position;
    },
    sweep(now) {
      reader.sweep(now);
      for (const subscriber of subscribers) if (!service.sweep(subscriber, now)) rejoin(subscriber);
    },
  };
}

function isBehind(subscriber: Subscriber, position: SessionPosition): boolean {
  const { turn } = position;
  if (!turn || !subscriber.cursor) return false;
  return judge(subscriber.cursor, { epoch: turn, seq: turn.last_seq }) !== "old";
}

const isTakenOver = (subscriber: Subscriber, { turn }: SessionPosition) =>
  subscriber.cursor?.epoch.ordinal === turn?.ordinal && (subscriber.cursor?.epoch.attempt ?? 0) < (turn?.attempt ?? 0);
