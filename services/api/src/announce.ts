import type { PublishedUserFrame, StructuralFrame } from "@boocode/contracts";
import type { Keys, Publisher } from "@boocode/frame-log";
import type { Redis } from "@boocode/runtime";
import type { CancelledTurns, PostedTurn, RegeneratedTurn, SessionChange } from "@boocode/store";
import type { TurnQueue } from "@boocode/turn-queue";

type Bare<F> = F extends unknown ? Omit<F, "session_id" | "version"> : never;

/**
 * Tells workers and subscribers of what was committed. None of it is waited for and none of it can fail a request: the
 * change is in Postgres, where workers find the turn and gateways the version.
 */
export interface Announce {
  toUser(userId: string, frame: PublishedUserFrame): void;
  /** Tells the owner's lists what they show of a session now; null when nothing of it has changed. */
  toLists(userId: string, change: SessionChange | null): void;
  /** @param lastVersion of the session after the change; the frames carry the versions up to it */
  toSession(sessionId: string, lastVersion: number, frames: Bare<StructuralFrame>[]): void;
  posted(posted: PostedTurn): void;
  regenerated(turn: RegeneratedTurn): void;
  /** Hints to the workers of turns that were asked to stop. */
  cancelling(turnIds: string[]): void;
}

export function createAnnounce(deps: {
  publisher: Publisher;
  queue: TurnQueue;
  redis: Redis;
  keys: Keys;
  onError(error: unknown): void;
}): Announce {
  const quietly = (promise: Promise<unknown>) => void promise.catch(deps.onError);
  const toSession: Announce["toSession"] = (sessionId, lastVersion, frames) => {
    for (const [index, frame] of frames.entries()) {
      const version = lastVersion - frames.length + 1 + index;
      quietly(deps.publisher.toSession({ session_id: sessionId, version, ...frame } as StructuralFrame));
    }
  };
  const toUser: Announce["toUser"] = (userId, frame) => quietly(deps.publisher.toUser(userId, frame));
  const cancelling = (turnIds: string[]) => {
    for (const turnId of turnIds) quietly(deps.redis.publish(deps.keys.cancel, turnId));
  };

  return {
    toUser,
    toLists(userId, change) {
      if (change) toUser(userId, { type: "session_updated", version: change.userVersion, session: change.session });
    },
    toSession,
    cancelling,
    posted({ message, turnId, version, ahead, cancelled, liveTurnsOfUser }) {
      cancelling(cancelled.cancelling);
      toSession(message.session_id, version, [
        ...withdrawnFrames(cancelled, "interrupted"),
        { type: "message_posted", message },
        { type: "turn_queued", turn_id: turnId, ordinal: message.turn_ordinal, ahead },
      ]);
      quietly(deps.queue.wake(turnId, liveTurnsOfUser));
    },
    regenerated({ message, turnId, version, deleted, liveTurnsOfUser }) {
      toSession(message.session_id, version, [
        { type: "messages_deleted", message_ids: deleted },
        { type: "message_posted", message },
        { type: "turn_queued", turn_id: turnId, ordinal: message.turn_ordinal, ahead: 0 },
      ]);
      quietly(deps.queue.wake(turnId, liveTurnsOfUser));
    },
  };
}

/** The frames of turns that ended before any worker took them. */
export function withdrawnFrames(
  cancelled: CancelledTurns,
  reason: "user" | "interrupted" | "messages_deleted",
): Bare<StructuralFrame>[] {
  return cancelled.withdrawn.map((turnId) => ({ type: "turn_withdrawn", turn_id: turnId, reason }));
}
