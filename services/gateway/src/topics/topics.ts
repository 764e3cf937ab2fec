import { setTimeout as delay } from "node:timers/promises";
import type { Follower, Keys, LoggedFrame } from "@boocode/frame-log";
import { openEnvelope } from "@boocode/frame-log";
import type { SessionPosition } from "@boocode/store";
import type { TopicReads } from "../joining/topic-reader.ts";
import { createSessionTopic, type SessionTopic } from "./session-topic.ts";
import type { Subscriber, TopicLimits } from "./subscriber.ts";
import { createUserTopic, type UserSubscriber, type UserTopic } from "./user-topic.ts";

/** What is watched in this gateway: a topic for each session and each user that has a subscriber here. */
export interface Topics {
  watchSession(sessionId: string, subscriber: Subscriber): () => void;
  /** Resolves when the subscriber has been told where the lists stand. */
  watchUser(userId: string, subscriber: UserSubscriber): Promise<() => void>;
  receive(channel: string, bytes: string): void;
  gap(): void;
  /** Compares what every subscriber has seen with Postgres, in two queries however many there are. */
  check(): Promise<void>;
  sweep(): void;
  watched(): number;
}

export interface TopicsDeps {
  follower: Pick<Follower, "follow" | "leave" | "connected">;
  keys: Keys;
  limits: TopicLimits;
  reads: Omit<TopicReads, "log"> & {
    log(...args: Parameters<TopicReads["log"]>): Promise<LoggedFrame[]>;
    positions(sessionIds: string[]): Promise<Map<string, SessionPosition>>;
    userVersions(userIds: string[]): Promise<Map<string, number>>;
  };
  onError(error: unknown): void;
}

/** A log that did not answer is not asked again for so long: each pass of each topic would wait for it anew. */
const LOG_RESTS_MS = 2_000;

export function createTopics(deps: TopicsDeps): Topics {
  const sessions = new Map<string, { id: string; topic: SessionTopic }>();
  const users = new Map<string, { id: string; topic: UserTopic; followed: Promise<void> }>();

  let logRestsUntil = 0;
  const logRests = () => performance.now() < logRestsUntil;

  /** Frames of the log; none while Redis is away, and Postgres has the text. */
  async function readLog(...args: Parameters<TopicReads["log"]>): Promise<LoggedFrame[]> {
    if (logRests()) return [];
    try {
      return await deps.reads.log(...args);
    } catch (error) {
      logRestsUntil = performance.now() + LOG_RESTS_MS;
      deps.onError(error);
      return [];
    }
  }

  /** Without Redis a subscriber is still served, at the pace of the position check; the follower subscribes when it is back. */
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
        // Subscribe, wait for the acknowledgement, then read: what is published after the read arrives.
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
      // Before anything is waited for: the last subscriber to leave takes the topic with it, and whoever still waits to be
      // welcome would be in a topic that nobody serves.
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
      const nothingComes = logRests() || !deps.follower.connected();
      for (const { id, topic } of watchedSessions) topic.check(positions.get(id) ?? null, nothingComes);
      for (const { id, topic } of watchedUsers) topic.check(versions.get(id) ?? 0);
    },
    sweep() {
      const now = performance.now();
      for (const { topic } of sessions.values()) topic.sweep(now);
    },
    watched: () => sessions.size + users.size,
  };
}
