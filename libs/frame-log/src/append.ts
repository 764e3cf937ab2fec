import { readFileSync } from "node:fs";
import type { Epoch } from "@boocode/contracts";
import type { Cluster, Redis } from "ioredis";
import { sealTurnFrame } from "./envelope.ts";
import type { Keys } from "./keys.ts";

const script = readFileSync(new URL("append-frame.lua", import.meta.url), "utf8");

/** How much of an epoch stays in Redis. After trimming or expiry, subscribers get a snapshot from Postgres instead. */
export interface LogLimits {
  entries: number;
  ttlMs: number;
}

/** A frame with its number; `frame` is what subscribers get. */
export interface NumberedFrame {
  seq: number;
  frame: object;
}

/** The writing side of the frame log. */
export interface FrameAppender {
  /**
   * Logs and publishes frames of one epoch in order. Frames that the log already has are skipped, so that a call that threw
   * (Redis is away) can be repeated.
   */
  append(sessionId: string, epoch: Epoch, frames: NumberedFrame[]): Promise<void>;
}

type WithScript = (Redis | Cluster) & { appendFrame(key: string, ...args: (string | number)[]): Promise<number> };

export function createFrameAppender(redis: Redis | Cluster, keys: Keys, limits: LogLimits): FrameAppender {
  redis.defineCommand("appendFrame", { numberOfKeys: 1, lua: script });
  const client = redis as WithScript;
  return {
    async append(sessionId, epoch, frames) {
      const pairs = frames.flatMap(({ seq, frame }) => [seq, sealTurnFrame({ epoch, seq }, frame)]);
      await client.appendFrame(
        keys.log(sessionId, epoch),
        keys.session(sessionId),
        limits.entries,
        limits.ttlMs,
        ...pairs,
      );
    },
  };
}
