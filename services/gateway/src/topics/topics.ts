import { setTimeout as delay } from "node:timers/promises";
import type { Follower, Keys } from "@boocode/frame-log";
import { openEnvelope } from "@boocode/frame-log";
import type {
  ListVersion,
  ListVersions,
  SessionFollower,
  SessionPosition,
  WaitingTurn,
  WatchedSession,
} from "@boocode/store";
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
  /** The position check of all topics: two queries, however many there are, and a third while a turn of a watched session is queued. */
  check(): Promise<void>;
  /**
   * Ends the subscribers who may no longer read their session. If this throws, the next call must be for all users.
   * @param changed looks only at these users and at those who joined since the last call; null: at all
   */
  checkAccess(changed: ReadonlySet<string> | null): Promise<void>;
  sweep(): void;
  /** @returns the number of topics */
  watched(): number;
}

export interface TopicsDeps {
  follower: Pick<Follower, "follow" | "leave" | "connected">;
  keys: Keys;
  limits: TopicLimits;
  reads: TopicReads & {
    positions(watched: WatchedSession[]): Promise<Map<string, SessionPosition | null>>;
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
  const sessions = new Map<string, { id: string; topic: SessionTopic; last: SessionPosition | null }>();
  /** Those who joined since the last check of access: their access may have ended in between. */
  let unchecked: SessionFollower[] = [];

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
    sessions.set(channel, { id: sessionId, topic, last: null });
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

  /** @returns each pair once, of the given users or of all */
  const followersAmong = (userIds: ReadonlySet<string> | null): SessionFollower[] =>
    [...sessions.values()].flatMap(({ id, topic }) =>
      [...new Set([...topic.subscribers].map(({ userId }) => userId))]
        .filter((userId) => userIds?.has(userId) ?? true)
        .map((userId) => ({ userId, sessionId: id })),
    );

  return {
    watchSession(sessionId, subscriber) {
      const channel = deps.keys.session(sessionId);
      const topic = sessionTopic(sessionId);
      topic.add(subscriber);
      unchecked.push({ userId: subscriber.userId, sessionId });
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
      const watched = [...sessions.values()];
      const userIds = users.userIds();
      const [positions, versions] = await Promise.all([
        watched.length > 0 ? deps.reads.positions(watched) : new Map<string, SessionPosition | null>(),
        userIds.length > 0 ? deps.reads.listVersions(userIds) : new Map<string, ListVersion>(),
      ]);
      const redisIsAway = logIsAway() || !deps.follower.connected();
      for (const session of watched) {
        const read = positions.get(session.id);
        if (read !== undefined) session.last = read;
        session.topic.check(session.last, redisIsAway);
      }
      users.check(versions);
      await tellWaiting(watched.flatMap(({ last }) => (last?.has_queued ? [last] : [])));
    },
    async checkAccess(changed) {
      const joined = unchecked;
      unchecked = [];
      const followed = changed ? [...joined, ...followersAmong(changed)] : followersAmong(null);
      if (followed.length === 0) return;
      for (const { userId, sessionId } of await deps.reads.unreadable(followed))
        sessions.get(deps.keys.session(sessionId))?.topic.revoke([userId]);
    },
    sweep() {
      const now = performance.now();
      for (const { topic } of sessions.values()) topic.sweep(now);
    },
    watched: () => sessions.size + users.userIds().length,
  };
}
