import type { PublishedUserFrame, StructuralFrame } from "@boocode/contracts";
import type { Cluster, Redis } from "ioredis";
import { sealVersionedFrame } from "./envelope.ts";
import type { Keys } from "./keys.ts";
import { createTogether, type Together } from "./together.ts";

/**
 * Publishes changes that carry a version. They are not logged: a subscriber that misses one sees the gap in the versions and
 * reloads. All publishing methods reject when Redis is away.
 */
export interface Publisher {
  toSession(frame: StructuralFrame): Promise<void>;
  toUser(userId: string, frame: PublishedUserFrame): Promise<void>;
  /** Once, however many users may read the project. */
  toProject(projectId: string, frame: PublishedUserFrame): Promise<void>;
  /** Tells the worker that holds a turn to check for a cancel. */
  toHolder(turnId: string): Promise<void>;
  together: Together;
}

/** In a cluster, messages published at different nodes may arrive out of order. A script runs at the node of its key. */
const PUBLISH = "return redis.call('publish', ARGV[1], ARGV[2])";

export function createPublisher(redis: Redis | Cluster, keys: Keys): Publisher {
  async function publish(channel: string, placeOf: string, message: string): Promise<void> {
    if (redis.isCluster) await redis.eval(PUBLISH, 1, keys.placeOf(placeOf), channel, message);
    else await redis.publish(channel, message);
  }
  return {
    async toSession(frame) {
      await publish(keys.session(frame.session_id), frame.session_id, sealVersionedFrame(frame));
    },
    async toUser(userId, frame) {
      await publish(keys.user(userId), userId, sealVersionedFrame(frame));
    },
    async toProject(projectId, frame) {
      await publish(keys.project(projectId), projectId, sealVersionedFrame(frame));
    },
    async toHolder(turnId) {
      await redis.publish(keys.cancel, turnId);
    },
    together: createTogether(redis),
  };
}
