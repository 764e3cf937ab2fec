// PURE
import type { CancelReason, Message, Session, TurnError, TurnStatus } from "@boocode/contracts";
import { formatCursor, START } from "@boocode/contracts/position";
import type { BooCodeError } from "../boo-code-error.ts";

/** A message as far as it is known: the text of a streaming one grows. */
export interface ViewMessage extends Omit<Message, "created_at"> {
  /** null when it was heard of by a frame, which does not tell. */
  created_at: string | null;
  /** Its tool output, or the arguments of its tool calls, are cut here; `loadWhole` fetches them. */
  shortened: boolean;
  /** Which turn frame told of it first; null when it came by REST or with the session's structure. */
  since: string | null;
}

export interface ViewTurn {
  id: string;
  ordinal: number;
  /** `ended`: REST lists it no more, and its messages do not say how it ended. */
  status: TurnStatus | "ended";
  attempt: number;
  cancel_reason: CancelReason | null;
  error: TurnError | null;
  /** What it waits for before more words come (`loading`: the model); null when it does not, or nobody told. */
  waiting: { reason: string; retry_in_ms: number | null } | null;
}

/** `ended`: it does not come back; `error` says why. */
export type Connection = "connecting" | "live" | "waiting" | "ended";

/** One session as it stands after some frame. Never changed: the next frame makes another one. */
export interface SessionView {
  readonly sessionId: string;
  /** null until it is loaded. `version` is the one that its name stands for. */
  readonly session: Omit<Session, "busy"> | null;
  /** In the order of the conversation. */
  readonly messages: readonly ViewMessage[];
  /** Older messages were not loaded: `loadOlder` does. */
  readonly hasMore: boolean;
  /** Those of the loaded messages, by id. */
  readonly turns: Readonly<Record<string, ViewTurn>>;
  /** The turns that wait, the next one first. */
  readonly queue: readonly ViewTurn[];
  /** The text above is complete up to here. */
  readonly cursor: string;
  /** The structure above is that of this version. */
  readonly version: number;
  readonly connection: Connection;
  readonly error: BooCodeError | null;
  /** Messages that were deleted and may yet be told of by frames that were on their way. */
  readonly deleted: readonly string[];
}

/** Nothing is known yet. */
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
  };
}

/** Whether nothing more will happen in a turn. */
export function hasEnded(turn: ViewTurn): boolean {
  return turn.status !== "queued" && turn.status !== "running" && turn.status !== "cancelling";
}
