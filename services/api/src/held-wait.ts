import { type Epoch, LiveWait, type TurnState } from "@boocode/contracts";
import { type Keys, readLastFrame } from "@boocode/frame-log";
import { type Redis, withDeadline } from "@boocode/runtime";
import type { WithNonce } from "@boocode/store";
import type { Deps } from "./deps.ts";

/*
 * What a turn waits for that a worker holds is nowhere in Postgres: the worker says it to subscribers in a frame, and a turn that does
 * not wait costs nothing. The last frame of its attempt is what it was seen doing last.
 */

/** No answer waits longer than this for Redis. */
const ANSWER_MS = 50;

/** See `readWait` of the dependencies. */
export const createWaitReader =
  (redis: Redis, keys: Keys): Deps["readWait"] =>
  async (sessionId, epoch) => {
    const last = readLastFrame(redis, keys, sessionId, epoch);
    const frame = await withDeadline(ANSWER_MS, "the last frame", last).catch(() => null);
    return frame && waitOf(frame.json);
  };

/** What a frame says that its turn waits for. */
function waitOf(json: string): LiveWait | null {
  const { type, reason, ahead = null } = JSON.parse(json) as { type: string; reason?: unknown; ahead?: unknown };
  if (type === "model_loading") return { reason: "loading", ahead: null };
  // A worker of a later version may know more reasons.
  return type === "turn_waiting" ? (LiveWait.safeParse({ reason, ahead }).data ?? null) : null;
}

/** Adds what a turn waits for that was claimed and has not ended. */
export async function withHeldWait<T extends TurnState>(
  readWait: Deps["readWait"],
  { nonce, ...turn }: WithNonce<T>,
): Promise<Omit<WithNonce<T>, "nonce">> {
  const isHeld = turn.waiting === null && nonce !== null && ["queued", "running"].includes(turn.status);
  if (!isHeld) return turn;
  const epoch: Epoch = { ordinal: turn.ordinal, attempt: turn.attempt, nonce };
  return { ...turn, waiting: await readWait(turn.session_id, epoch) };
}
