// PURE
import type { CancelReason, DeletedRange, Message, Session, TurnError, TurnStatus } from "@boocode/contracts";
import { formatCursor, START } from "@boocode/contracts/position";
import type { BooCodeError } from "../boo-code-error.ts";

/** A message as far as it is known; while it streams, its text grows. */
export interface ViewMessage extends Omit<Message, "created_at"> {
  /** null when the message is known only from a frame, because frames do not contain this field. */
  created_at: string | null;
  /** A text of it is cut, or the arguments of its tool calls are left out; `loadWhole` fetches them. */
  shortened: boolean;
  /** The turn frame that introduced it; null when it came by REST or with a structural frame. */
  since: string | null;
}

export interface ViewTurn {
  id: string;
  ordinal: number;
  /** `ended`: REST no longer lists it, and its messages do not show how it ended. */
  status: TurnStatus | "ended";
  attempt: number;
  cancel_reason: CancelReason | null;
  error: TurnError | null;
  /** What the turn waits for (`loading`: the model); null when it does not wait, or the reason is unknown. */
  waiting: { reason: string; retry_in_ms: number | null; ahead: number | null } | null;
}

/** `ended`: the follower will not reconnect; `error` has the reason. */
export type Connection = "connecting" | "live" | "waiting" | "ended";

/** One session after a frame. Immutable: the next frame creates a new value. */
export interface SessionView {
  readonly sessionId: string;
  /** null until it is loaded. Its `version` is the one as of which its name is known. */
  readonly session: Omit<Session, "busy"> | null;
  /** In the order of the conversation. */
  readonly messages: readonly ViewMessage[];
  /** There are older messages; `loadOlder` fetches them. */
  readonly hasMore: boolean;
  /** The turns of the loaded messages, by id. */
  readonly turns: Readonly<Record<string, ViewTurn>>;
  /** The queued turns, the next one first. */
  readonly queue: readonly ViewTurn[];
  /** The messages are complete up to this cursor. */
  readonly cursor: string;
  /** The version of the session's structure. */
  readonly version: number;
  readonly connection: Connection;
  readonly error: BooCodeError | null;
  /** Deleted messages that frames in flight may still mention. */
  readonly deleted: readonly string[];
  /** Deleted parts of the conversation, for the same reason. */
  readonly deletedRanges: readonly DeletedRange[];
}

/** The view before the first load. */
export function emptyView(sessionId: string): SessionView {
  return {
    sessionId,
    session: null,
    messages: [],
    hasMore: false,
    turns: {},
    queue: [],
    cursor: formatCursor(START),
    version: 0,
    connection: "connecting",
    error: null,
    deleted: [],
    deletedRanges: [],
  };
}

/** Whether the turn has ended. */
export function hasEnded(turn: ViewTurn): boolean {
  return turn.status !== "queued" && turn.status !== "running" && turn.status !== "cancelling";
}
