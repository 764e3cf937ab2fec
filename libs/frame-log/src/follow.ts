import type { Redis } from "ioredis";

/** Follows channels over one subscriber connection. */
export interface Follower {
  /** Resolves once Redis has acknowledged: what is published from then on arrives. */
  follow(channel: string): Promise<void>;
  leave(channel: string): Promise<void>;
  /** The connection is up and every followed channel is subscribed. */
  connected(): boolean;
  stop(): void;
}

export interface FollowerEvents {
  onMessage(channel: string, bytes: string): void;
  /**
   * The connection was lost and is back with every channel subscribed again. Pub/sub says nothing of what was published
   * meanwhile, so each followed channel has a gap.
   */
  onGap(): void;
}

/** A connection that is up and says nothing looks like one on which nothing is published, so that it is asked. */
const ASK_EVERY_MS = 3_000;

/** @param redis a connection for this alone, with `autoResubscribe` off: the subscribing is done, and awaited, here */
export function createFollower(redis: Redis, events: FollowerEvents): Follower {
  const channels = new Set<string>();
  let subscribed = redis.status === "ready";
  redis.on("message", (channel: string, bytes: string) => events.onMessage(channel, bytes));
  redis.on("close", () => {
    subscribed = false;
  });
  redis.on("ready", () => {
    resubscribe().catch(() => {
      // A connection that cannot subscribe is of no use: begin again with a new one.
      redis.disconnect(true);
    });
  });

  // The connection's own command timeout decides how long an answer may take.
  const asking = setInterval(() => {
    if (redis.status === "ready") redis.ping().catch(() => redis.disconnect(true));
  }, ASK_EVERY_MS);

  async function resubscribe(): Promise<void> {
    const all = [...channels];
    // In portions: one command with ten thousand channels would hold up everything behind it.
    for (let i = 0; i < all.length; i += 500) await redis.subscribe(...all.slice(i, i + 500));
    subscribed = true;
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
    stop: () => clearInterval(asking),
  };
}
