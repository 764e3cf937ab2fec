import type { Envelope, Keys } from "@boocode/frame-log";
import type { ListVersion, ListVersions } from "@boocode/store";
import { toListFrame } from "./list-frame.ts";
import { createUserTopic, type UserSubscriber, type UserTopic } from "./user-topic.ts";

/** The topics of all users with a subscriber here, and the channels of the projects that they follow. */
export interface UserTopics {
  /** Resolves once the version of the lists has been sent. @returns a function that ends the subscription */
  watch(userId: string, subscriber: UserSubscriber): Promise<() => void>;
  /** A message was published on a channel. */
  receive(channel: string, envelope: Envelope): void;
  /** The position check. */
  check(versions: ReadonlyMap<string, ListVersion>): void;
  userIds(): string[];
}

export interface UserTopicsDeps {
  keys: Keys;
  maxUnsentBytes: number;
  /** Never rejects. */
  follow(channel: string): Promise<void>;
  leave(channel: string): void;
  readLists(userId: string): Promise<ListVersions>;
  onError(error: unknown): void;
}

interface Channel {
  /** The user's or the project's id. */
  list: string;
  topics: Set<UserTopic>;
  followed: Promise<void>;
}

export function createUserTopics(deps: UserTopicsDeps): UserTopics {
  const users = new Map<string, UserTopic>();
  const channels = new Map<string, Channel>();

  function join(name: string, list: string, topic: UserTopic): Promise<void> {
    const channel = channels.get(name) ?? { list, topics: new Set(), followed: deps.follow(name) };
    channels.set(name, channel);
    channel.topics.add(topic);
    return channel.followed;
  }

  function part(name: string, topic: UserTopic): void {
    const channel = channels.get(name);
    channel?.topics.delete(topic);
    if (channel?.topics.size !== 0) return;
    channels.delete(name);
    deps.leave(name);
  }

  function topicOf(userId: string): UserTopic {
    const known = users.get(userId);
    if (known) return known;
    let followed = Promise.resolve();
    const topic: UserTopic = createUserTopic({
      userId,
      maxUnsentBytes: deps.maxUnsentBytes,
      read: () => followed.then(() => deps.readLists(userId)),
      follow: (projectId) => join(deps.keys.project(projectId), projectId, topic),
      leave: (projectId) => part(deps.keys.project(projectId), topic),
      onError: deps.onError,
    });
    users.set(userId, topic);
    followed = join(deps.keys.user(userId), userId, topic);
    return topic;
  }

  function end(userId: string, topic: UserTopic, subscriber: UserSubscriber): void {
    topic.remove(subscriber);
    if (topic.subscribers.size > 0 || users.get(userId) !== topic) return;
    users.delete(userId);
    part(deps.keys.user(userId), topic);
    topic.close();
  }

  return {
    async watch(userId, subscriber) {
      const topic = topicOf(userId);
      try {
        await topic.add(subscriber);
      } catch (error) {
        end(userId, topic, subscriber);
        throw error;
      }
      return () => end(userId, topic, subscriber);
    },
    receive(name, envelope) {
      const channel = channels.get(name);
      const frame = channel && toListFrame(envelope);
      if (frame) for (const topic of channel.topics) topic.receive(channel.list, frame);
    },
    check(versions) {
      for (const [userId, topic] of users) {
        const version = versions.get(userId);
        if (version !== undefined) topic.check(version);
      }
    },
    userIds: () => [...users.keys()],
  };
}
