import type { PublishedUserFrame, StructuralFrame } from "@boocode/contracts";
import type { Redis } from "ioredis";
import { sealVersionedFrame } from "./envelope.ts";
import type { Keys } from "./keys.ts";

/**
 * Publishes changes that carry a version. They are not logged: a subscriber that misses one sees the gap in the versions and
 * reloads. All methods reject when Redis is away.
 */
export interface Publisher {
  toSession(frame: StructuralFrame): Promise<void>;
  toUser(userId: string, frame: PublishedUserFrame): Promise<void>;
  /** Tells the worker that holds a turn to check for a cancel. */
  toHolder(turnId: string): Promise<void>;
}

export function createPublisher(redis: Redis, keys: Keys): Publisher {
  return {
    async toSession(frame) {
      await redis.publish(keys.session(frame.session_id), sealVersionedFrame(frame));
    },
    async toUser(userId, frame) {
      await redis.publish(keys.user(userId), sealVersionedFrame(frame));
    },
    async toHolder(turnId) {
      await redis.publish(keys.cancel, turnId);
    },
  };
}
