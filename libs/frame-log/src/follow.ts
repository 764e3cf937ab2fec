import { type Redis, ReplyError } from "ioredis";

/** Follows channels over one subscriber connection. */
export interface Follower {
  /** Resolves when Redis has acknowledged the subscription: messages published after that arrive. */
  follow(channel: string): Promise<void>;
  leave(channel: string): Promise<void>;
  /** The connection is up and every followed channel is subscribed. */
  connected(): boolean;
  /** @returns `connected`. @throws when Redis refuses subscriptions. Subscribes to the channel for a moment */
  check(channel: string): Promise<boolean>;
  stop(): void;
}

export interface FollowerEvents {
  onMessage(channel: string, bytes: string): void;
  /**
   * The connection was lost, and every channel is subscribed again. Pub/sub does not replay what was published meanwhile, so
   * each followed channel has a gap.
   */
  onGap(): void;
}

/** PING interval: without it, a dead connection looks like a quiet one. */
const ASK_EVERY_MS = 3_000;

/** @param redis a dedicated connection with `autoResubscribe` off: this module resubscribes itself and awaits the result */
export function createFollower(redis: Redis, events: FollowerEvents): Follower {
  const channels = new Set<string>();
  let subscribed = redis.status === "ready";
  /** Why Redis refused the subscriptions after the last connect. */
  let refusal: unknown;
  redis.on("message", (channel: string, bytes: string) => events.onMessage(channel, bytes));
  redis.on("close", () => {
    subscribed = false;
  });
  redis.on("ready", () => {
    resubscribe().catch((error: unknown) => {
      if (error instanceof ReplyError) refusal = error;
      // Without its subscriptions the connection is useless: reconnect.
      redis.disconnect(true);
    });
  });

  // A PING fails after the connection's command time-out.
  const asking = setInterval(() => {
    if (redis.status === "ready") redis.ping().catch(() => redis.disconnect(true));
  }, ASK_EVERY_MS);

  async function resubscribe(): Promise<void> {
    const all = [...channels];
    // In batches: one command with ten thousand channels would delay every command after it.
    for (let i = 0; i < all.length; i += 500) await redis.subscribe(...all.slice(i, i + 500));
    subscribed = true;
    refusal = undefined;
    events.onGap();
  }

  return {
    async follow(channel) {
      channels.add(channel);
      await redis.subscribe(channel);
    },
    async leave(channel) {
      channels.delete(channel);
      await redis.unsubscribe(channel);
    },
    connected: () => subscribed,
    async check(channel) {
      if (!subscribed && refusal !== undefined) throw refusal;
      if (!subscribed) return false;
      await redis.subscribe(channel);
      await redis.unsubscribe(channel);
      return true;
    },
    stop: () => clearInterval(asking),
  };
}
