import { setTimeout as delay } from "node:timers/promises";
import type { Follower, Keys } from "@boocode/frame-log";
import { openEnvelope } from "@boocode/frame-log";
import type { ListVersion, ListVersions, SessionFollower, SessionPosition, WaitingTurn } from "@boocode/store";
import type { TopicReads } from "../joining/topic-reader.ts";
import { createSessionTopic, type SessionTopic, type TurnsWaiting } from "./session-topic.ts";
import type { Subscriber, TopicLimits } from "./subscriber.ts";
import type { UserSubscriber } from "./user-topic.ts";
import { createUserTopics } from "./user-topics.ts";

/** All topics of this gateway: one for each session and for each user with a subscriber here. */
export interface Topics {
  /** @returns a function that ends the subscription */
  watchSession(sessionId: string, subscriber: Subscriber): () => void;
  /** Resolves once the version of the lists has been sent. @returns a function that ends the subscription */
  watchUser(userId: string, subscriber: UserSubscriber): Promise<() => void>;
  /** A message was published on a channel. */
  receive(channel: string, bytes: string): void;
  /** The subscription to Redis was lost for some time. */
  gap(): void;
  /**
   * The position check of all topics, with the access of their subscribers: three queries, however many there are, and a fourth
   * while a turn of a watched session is queued.
   */
  check(): Promise<void>;
  sweep(): void;
  /** @returns the number of topics */
  watched(): number;
}

export interface TopicsDeps {
  follower: Pick<Follower, "follow" | "leave" | "connected">;
  keys: Keys;
  limits: TopicLimits;
  reads: TopicReads & {
    positions(sessionIds: string[]): Promise<Map<string, SessionPosition>>;
    /** @returns those, of the given sessions and their followers, that the user may not read */
    unreadable(followed: SessionFollower[]): Promise<SessionFollower[]>;
    /** What the queued turns of these sessions wait for. */
    waiting(sessionIds: string[]): Promise<WaitingTurn[]>;
    listVersions(userIds: string[]): Promise<Map<string, ListVersion>>;
    lists(userId: string): Promise<ListVersions>;
  };
  onError(error: unknown): void;
}

/** After a failed read, the log is not read for this time; otherwise each catch-up of each topic would wait for Redis. */
const LOG_RETRY_MS = 2_000;

export function createTopics(deps: TopicsDeps): Topics {
  const sessions = new Map<string, { id: string; topic: SessionTopic }>();

  let logRetryAt = 0;
  const logIsAway = () => performance.now() < logRetryAt;

  /** @returns the logged frames; none while Redis is away, when drafts from Postgres are served instead */
  async function readLog(...args: Parameters<TopicReads["log"]>): ReturnType<TopicReads["log"]> {
    if (logIsAway()) return [];
    try {
      return await deps.reads.log(...args);
    } catch (error) {
      logRetryAt = performance.now() + LOG_RETRY_MS;
      deps.onError(error);
      return [];
    }
  }

  /** Never rejects: without Redis, the position check serves subscribers, and the follower subscribes once Redis is back. */
  const follow = (channel: string) => deps.follower.follow(channel).catch(deps.onError);
  const leave = (channel: string) => void deps.follower.leave(channel).catch(deps.onError);

  function sessionTopic(sessionId: string) {
    const channel = deps.keys.session(sessionId);
    const known = sessions.get(channel);
    if (known) return known.topic;
    const followed = follow(channel);
    const topic = createSessionTopic({
      sessionId,
      limits: deps.limits,
      reads: {
        // Read only after Redis has acknowledged the subscription, so that whatever is published after the read is received.
        turnsFrom: (id, ordinal) => followed.then(() => deps.reads.turnsFrom(id, ordinal)),
        log: readLog,
      },
      pause: (ms) => (ms > 0 ? delay(ms) : Promise.resolve()),
      onCatchUpFailed: deps.onError,
    });
    sessions.set(channel, { id: sessionId, topic });
    return topic;
  }

  const users = createUserTopics({
    keys: deps.keys,
    maxUnsentBytes: deps.limits.maxUnsentBytes,
    follow: async (channel) => void (await follow(channel)),
    leave,
    readLists: deps.reads.lists,
    onError: deps.onError,
  });

  async function tellWaiting(queued: SessionPosition[]): Promise<void> {
    if (queued.length === 0) return;
    const waiting = await deps.reads.waiting(queued.map(({ session_id }) => session_id));
    const bySession = new Map<string, TurnsWaiting["turns"]>();
    for (const { session_id, turn_id, reason, ahead } of waiting)
      bySession.set(session_id, [...(bySession.get(session_id) ?? []), { turn_id, reason, ahead }]);
    for (const [sessionId, turns] of bySession) sessions.get(deps.keys.session(sessionId))?.topic.tellWaiting(turns);
  }

  return {
    watchSession(sessionId, subscriber) {
      const channel = deps.keys.session(sessionId);
      const topic = sessionTopic(sessionId);
      topic.add(subscriber);
      return () => {
        topic.remove(subscriber);
        if (topic.subscribers.size > 0 || sessions.get(channel)?.topic !== topic) return;
        sessions.delete(channel);
        leave(channel);
      };
    },
    watchUser: users.watch,
    receive(channel, bytes) {
      const envelope = openEnvelope(bytes);
      if (!envelope) return;
      const topic = sessions.get(channel)?.topic;
      if (topic) topic.receive(envelope);
      else users.receive(channel, envelope);
    },
    gap() {
      for (const { topic } of sessions.values()) topic.gap();
    },
    async check() {
      const watchedSessions = [...sessions.values()];
      const followed = watchedSessions.flatMap(({ id, topic }) =>
        [...new Set([...topic.subscribers].map(({ userId }) => userId))].map((userId) => ({ userId, sessionId: id })),
      );
      const [unreadable, positions, versions] = await Promise.all([
        deps.reads.unreadable(followed),
        deps.reads.positions(watchedSessions.map(({ id }) => id)),
        deps.reads.listVersions(users.userIds()),
      ]);
      for (const { userId, sessionId } of unreadable)
        sessions.get(deps.keys.session(sessionId))?.topic.revoke([userId]);
      const redisIsAway = logIsAway() || !deps.follower.connected();
      for (const { id, topic } of watchedSessions) topic.check(positions.get(id) ?? null, redisIsAway);
      users.check(versions);
      await tellWaiting([...positions.values()].filter((position) => position.has_queued));
    },
    sweep() {
      const now = performance.now();
      for (const { topic } of sessions.values()) topic.sweep(now);
    },
    watched: () => sessions.size + users.userIds().length,
  };
}
