import { readFileSync } from "node:fs";
import type { Epoch } from "@boocode/contracts";
import type { Cluster, Redis } from "ioredis";
import { sealTurnFrame } from "./envelope.ts";
import type { Keys } from "./keys.ts";
import { createTogether, type Together } from "./together.ts";

const script = readFileSync(new URL("append-frame.lua", import.meta.url), "utf8");

/** How much of an epoch stays in Redis. After trimming or expiry, subscribers get a snapshot from Postgres instead. */
export interface LogLimits {
  entries: number;
  /** TTL from the first frame. */
  ttlMs: number;
  /** TTL from the frame with which a turn ends, for clients that reconnect then. */
  endedTtlMs: number;
}

/** A frame with its number; `frame` is what subscribers get. */
export interface NumberedFrame {
  seq: number;
  frame: object & { type?: string };
}

/** The writing side of the frame log. */
export interface FrameAppender {
  /**
   * Logs and publishes frames of one epoch in order. Frames that the log already has are skipped, so that a call that threw
   * (Redis is away) can be repeated. `turn_finished`, the last frame of a turn, shortens the log's life.
   */
  append(sessionId: string, epoch: Epoch, frames: NumberedFrame[]): Promise<void>;
  together: Together;
}

type WithScript = (Redis | Cluster) & { appendFrame(key: string, ...args: (string | number)[]): Promise<number> };

export function createFrameAppender(redis: Redis | Cluster, keys: Keys, limits: LogLimits): FrameAppender {
  redis.defineCommand("appendFrame", { numberOfKeys: 1, lua: script });
  const client = redis as WithScript;
  return {
    async append(sessionId, epoch, frames) {
      const args: (string | number)[] = [keys.session(sessionId), limits.entries, limits.ttlMs];
      args.push(frames.at(-1)?.frame.type === "turn_finished" ? limits.endedTtlMs : "");
      for (const { seq, frame } of frames) args.push(seq, sealTurnFrame({ epoch, seq }, frame));
      await client.appendFrame(keys.log(sessionId, epoch), ...args);
    },
    together: createTogether(redis),
  };
}
