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

/**
 * The project and session lists of one user who has a subscriber here. A client that sees a gap in the versions reloads them.
 */
export interface UserTopic {
  readonly subscribers: ReadonlySet<UserSubscriber>;
  /** Adds a joining subscriber. It is sent nothing before `welcome`. */
  add(subscriber: UserSubscriber): void;
  /** Makes a subscriber live. @param version of the user's lists, read after the channel was subscribed */
  welcome(subscriber: UserSubscriber, version: number): void;
  remove(subscriber: UserSubscriber): void;
  /** A frame was published on the user's channel. */
  receive(envelope: Envelope): void;
  /** The position check. @param version of the user's lists in Postgres */
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
            // Processes may publish out of commit order, so frames are sent in any order: each is complete by itself.
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
