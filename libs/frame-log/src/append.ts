import { readFileSync } from "node:fs";
import type { Epoch } from "@boocode/contracts";
import type { Cluster, Redis } from "ioredis";
import { sealTurnFrame } from "./envelope.ts";
import type { Keys } from "./keys.ts";

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
  /** Calls `write` at the end of this tick of the event loop. What is appended in all these calls leaves together. */
  together(write: () => void): void;
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

/** One write to each connection, instead of one for each command: most of an append's cost is the system calls at both ends. */
function createTogether(redis: Redis | Cluster): FrameAppender["together"] {
  let waiting: (() => void)[] = [];
  return (write) => {
    if (waiting.push(write) > 1) return;
    setImmediate(() => {
      const writes = waiting;
      waiting = [];
      // A connection that is not open has no stream, and its commands fail by themselves.
      const streams = ("nodes" in redis ? redis.nodes("master") : [redis]).flatMap(({ stream }) => stream ?? []);
      for (const stream of streams) stream.cork();
      for (const each of writes) each();
      for (const stream of streams) stream.uncork();
    });
  };
}
