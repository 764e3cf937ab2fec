import type { UserFrame } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import type { Transport } from "../transports/transport.ts";

/** A subscriber of a user's lists: `joining` until the version of the lists has been read, then `live`. */
export interface UserSubscriber {
  readonly transport: Transport;
  state:
    | {
        mode: "joining";
        /** The version that the client has; null: none. */
        cursor: number | null;
      }
    | {
        mode: "live";
        /** The newest version that was sent. */
        version: number;
      };
}

export function createUserSubscriber(transport: Transport, cursor: number | null): UserSubscriber {
  return { transport, state: { mode: "joining", cursor } };
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

  /** @returns false when the subscriber was terminated instead */
  function send({ transport }: UserSubscriber, json: string | Buffer, version: number): boolean {
    if (transport.unsent() > maxUnsentBytes) {
      transport.terminate();
      return false;
    }
    transport.send(json, String(version));
    return true;
  }

  const sendVersion = (subscriber: UserSubscriber, type: "subscribed" | "snapshot", version: number) =>
    send(subscriber, JSON.stringify({ type, version } satisfies UserFrame), version);

  return {
    subscribers,
    add: (subscriber) => void subscribers.add(subscriber),
    welcome(subscriber, version) {
      const { state } = subscriber;
      if (!subscribers.has(subscriber) || state.mode !== "joining") return;
      if (!sendVersion(subscriber, "subscribed", version)) return;
      subscriber.state = { mode: "live", version };
      if (state.cursor !== null && state.cursor !== version) sendVersion(subscriber, "snapshot", version);
    },
    remove: (subscriber) => void subscribers.delete(subscriber),
    receive(envelope) {
      switch (envelope.kind) {
        case "turn":
          return;
        case "structure": {
          const bytes = Buffer.from(envelope.json);
          for (const subscriber of subscribers) {
            const { state } = subscriber;
            // Frames of two processes may be published in another order than they were committed in: each states one thing by itself.
            if (state.mode === "live" && send(subscriber, bytes, envelope.version))
              state.version = Math.max(state.version, envelope.version);
          }
          return;
        }
        default:
          envelope satisfies never;
      }
    },
    check(version) {
      for (const subscriber of subscribers) {
        const { state } = subscriber;
        if (state.mode !== "live" || lastCheck === null || state.version >= lastCheck) continue;
        if (sendVersion(subscriber, "snapshot", version)) state.version = Math.max(state.version, version);
      }
      lastCheck = version;
    },
  };
}
