import type { Epoch } from "@boocode/contracts";
import type { Cluster, Redis } from "ioredis";
import { type Envelope, openEnvelope } from "./envelope.ts";
import type { Keys } from "./keys.ts";

export type LoggedFrame = Extract<Envelope, { kind: "turn" }>;

/** Reads the last frame of an epoch. @returns null when the log has none */
export async function readLastFrame(
  redis: Redis | Cluster,
  keys: Keys,
  sessionId: string,
  epoch: Epoch,
): Promise<LoggedFrame | null> {
  const [entry] = await redis.xrevrange(keys.log(sessionId, epoch), "+", "-", "COUNT", 1);
  const bytes = entry?.[1][1];
  const envelope = bytes === undefined ? null : openEnvelope(bytes);
  return envelope?.kind === "turn" ? envelope : null;
}

/** Reads the frames of an epoch from `fromSeq` on. If the log was trimmed, the first frame may be a later one. */
export async function readLog(
  redis: Redis | Cluster,
  keys: Keys,
  sessionId: string,
  epoch: Epoch,
  fromSeq: number,
): Promise<LoggedFrame[]> {
  const entries = await redis.xrange(keys.log(sessionId, epoch), `${fromSeq}-0`, "+");
  const frames: LoggedFrame[] = [];
  for (const [, fields] of entries) {
    const envelope = fields[1] === undefined ? null : openEnvelope(fields[1]);
    if (envelope?.kind === "turn") frames.push(envelope);
  }
  return frames;
}
