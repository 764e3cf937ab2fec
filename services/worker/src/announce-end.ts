import type { Publisher } from "@boocode/frame-log";
import type { EndedTurn } from "@boocode/store";

export interface AnnounceEndDeps {
  publisher: Publisher;
  /** Brings the session's next turn to a worker. */
  wake(turnId: string): void;
  /** Asks for a name for a session that has none. */
  requestName(sessionId: string): void;
  onError(error: unknown): void;
}

/**
 * What follows from the end of a turn, once it is committed. All of it is best effort: lists are loaded again by version,
 * the next turn is due by itself, and a name is only a name.
 */
export function announceEnd(deps: AnnounceEndDeps, ended: EndedTurn, answered: boolean): void {
  if (ended.nextTurnId) deps.wake(ended.nextTurnId);
  const { session } = ended;
  if (!session) return;
  deps.publisher
    .toUser(ended.ownerId, { type: "session_updated", version: ended.userVersion, session })
    .catch(deps.onError);
  if (answered && session.name === null) deps.requestName(session.id);
}
