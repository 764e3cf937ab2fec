import type { UserFrame } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import type { Transport } from "../transports/transport.ts";

/** One subscriber of a user's lists; `version` is null until it was told where it stands. */
export interface UserSubscriber {
  readonly transport: Transport;
  readonly cursor: number | null;
  version: number | null;
}

/** A user's sockets in this gateway. The frames are hints: a gap in their versions means that the lists are loaded again. */
export interface UserTopic {
  readonly subscribers: ReadonlySet<UserSubscriber>;
  /** It belongs to the topic at once, and is told nothing before it is welcome. */
  add(subscriber: UserSubscriber): void;
  /** @param version of the user's lists, read after the channel was subscribed */
  welcome(subscriber: UserSubscriber, version: number): void;
  remove(subscriber: UserSubscriber): void;
  receive(envelope: Envelope): void;
  check(version: number): void;
}

export function createUserTopic(maxUnsentBytes: number): UserTopic {
  const subscribers = new Set<UserSubscriber>();
  let lastCheck: number | null = null;

  function send(subscriber: UserSubscriber, json: string | Buffer, version: number): void {
    if (subscriber.transport.unsent() > maxUnsentBytes) {
      subscriber.transport.terminate();
      return;
    }
    subscriber.transport.send(json, String(version));
    subscriber.version = Math.max(subscriber.version ?? 0, version);
  }

  const tell = (subscriber: UserSubscriber, type: "subscribed" | "snapshot", version: number) =>
    send(subscriber, JSON.stringify({ type, version } satisfies UserFrame), version);

  return {
    subscribers,
    add: (subscriber) => void subscribers.add(subscriber),
    welcome(subscriber, version) {
      if (!subscribers.has(subscriber)) return;
      tell(subscriber, "subscribed", version);
      if (subscriber.cursor !== null && subscriber.cursor !== version) tell(subscriber, "snapshot", version);
    },
    remove: (subscriber) => void subscribers.delete(subscriber),
    receive(envelope) {
      if (envelope.kind !== "structure") return;
      const bytes = Buffer.from(envelope.json);
      // Two processes may publish in another order than they committed: each frame states a thing by itself.
      for (const subscriber of subscribers) if (subscriber.version !== null) send(subscriber, bytes, envelope.version);
    },
    check(version) {
      for (const subscriber of subscribers) {
        if (subscriber.version === null || lastCheck === null) continue;
        if (subscriber.version < lastCheck) tell(subscriber, "snapshot", version);
      }
      lastCheck = version;
    },
  };
}
