import { setTimeout as delay } from "node:timers/promises";
import type { Follower, Keys } from "@boocode/frame-log";
import { openEnvelope } from "@boocode/frame-log";
import type { SessionPosition } from "@boocode/store";
import type { TopicReads } from "../joining/topic-reader.ts";
import { createSessionTopic, type SessionTopic } from "./session-topic.ts";
import type { Subscriber, TopicLimits } from "./subscriber.ts";
import { createUserTopic, type UserSubscriber, type UserTopic } from "./user-topic.ts";

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
  /** The position check of all topics: two queries, however many subscribers there are. */
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
    userVersions(userIds: string[]): Promise<Map<string, number>>;
  };
  onError(error: unknown): void;
}

/** After a failed read, the log is not read for this time; otherwise each catch-up of each topic would wait for Redis. */
const LOG_RETRY_MS = 2_000;

export function createTopics(deps: TopicsDeps): Topics {
  const sessions = new Map<string, { id: string; topic: SessionTopic }>();
  const users = new Map<string, { id: string; topic: UserTopic; followed: Promise<void> }>();

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

  function userTopic(userId: string) {
    const channel = deps.keys.user(userId);
    const known = users.get(channel);
    if (known) return known;
    const entry = { id: userId, topic: createUserTopic(deps.limits.maxUnsentBytes), followed: follow(channel) };
    users.set(channel, entry);
    return entry;
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
    async watchUser(userId, subscriber) {
      const channel = deps.keys.user(userId);
      const { topic, followed } = userTopic(userId);
      const end = () => {
        topic.remove(subscriber);
        if (topic.subscribers.size > 0 || users.get(channel)?.topic !== topic) return;
        users.delete(channel);
        leave(channel);
      };
      // Added before the first await: otherwise the topic could be dropped when its last other subscriber leaves.
      topic.add(subscriber);
      try {
        await followed;
        topic.welcome(subscriber, (await deps.reads.userVersions([userId])).get(userId) ?? 0);
      } catch (error) {
        end();
        throw error;
      }
      return end;
    },
    receive(channel, bytes) {
      const topic = sessions.get(channel)?.topic ?? users.get(channel)?.topic;
      const envelope = topic && openEnvelope(bytes);
      if (envelope) topic.receive(envelope);
    },
    gap() {
      for (const { topic } of sessions.values()) topic.gap();
    },
    async check() {
      const watchedSessions = [...sessions.values()];
      const watchedUsers = [...users.values()];
      const [positions, versions] = await Promise.all([
        deps.reads.positions(watchedSessions.map(({ id }) => id)),
        deps.reads.userVersions(watchedUsers.map(({ id }) => id)),
      ]);
      const redisIsAway = logIsAway() || !deps.follower.connected();
      for (const { id, topic } of watchedSessions) topic.check(positions.get(id) ?? null, redisIsAway);
      for (const { id, topic } of watchedUsers) topic.check(versions.get(id) ?? 0);
    },
    sweep() {
      const now = performance.now();
      for (const { topic } of sessions.values()) topic.sweep(now);
    },
    watched: () => sessions.size + users.size,
  };
}
