import type { Message, PostMessage, ProjectRole, SessionSummary, UserLimits } from "@boocode/contracts";
import { forbiddenTo, roleInSession } from "../access.ts";
import { isUsable } from "../accounts/credential.ts";
import { type Change, type Hint, numberStructure, type Structure } from "../changes.ts";
import { type IdempotencyKey, IdempotencyKeyReused } from "../idempotency.ts";
import { type Exceeded, QuotaExceeded } from "../limits.ts";
import { rolesWith } from "../sharing/rights.ts";
import { messageColumns, milliseconds, rowOf, type Sql, summaryColumns } from "../sql.ts";

/** The time in ms during which only the queue brings a new turn to a worker; after it, any reconciler may claim the turn. */
const QUEUE_HEAD_START_MS = 1_000;

export interface NewTurn {
  /** The user who asks. */
  ownerId: string;
  sessionId: string;
  turnId: string;
  /** The token with which the turn is posted. */
  tokenId?: string | null;
  /** What the user may have; a limit that is reached refuses the turn. Absent: no limits. */
  limits?: UserLimits;
  /** Of the models that a session may name, those that the user may use. Absent: all. */
  checkedModels?: string[];
}

/** A turn that was queued with its question. */
export interface QueuedTurn<Kind extends string> {
  kind: Kind;
  turnId: string;
  /** Not its text: the outcome is stored for repeated requests, and must not outlive a deletion. */
  message: Pick<Message, "id" | "session_id" | "turn_ordinal">;
  /** The version of the session after this change. */
  version: number;
  changes: Change[];
}

/** Why no turn was queued. Nothing was written. */
export type TurnRefusal =
  | { kind: "not_found" }
  | { kind: "busy" }
  /** The credential ended after the request was authenticated. */
  | { kind: "unauthenticated" }
  /** The session names a model that is not among those that were checked. */
  | { kind: "model_unchecked"; model: string };

/** The limits that a new turn must be below. */
const OF_NEW_TURNS = [
  "turns_waiting",
  "stored_bytes",
  "tokens_per_day",
  "tool_calls_per_day",
  "bytes_per_day",
] as const;

/** By right, the roles that have it, as admit_turn_1 asks for it. */
const RIGHTS = {
  ask: rolesWith("ask", true),
  "cancel own turn": rolesWith("cancel turn", true),
  "cancel any turn": rolesWith("cancel turn", false),
};

/** The arguments of admit_turn_1. */
export function admission(
  sql: Sql,
  turn: NewTurn,
  key: IdempotencyKey | null,
  whenBusy: PostMessage["when_busy"],
): ReturnType<typeof isUsable> {
  const { ownerId, sessionId, tokenId = null, limits, checkedModels } = turn;
  const below = OF_NEW_TURNS.flatMap((limit) => {
    const most = limits?.[limit] ?? null;
    return most === null ? [] : [{ limit, most }];
  });
  return sql`
    asker => ${ownerId}, of_session => ${sessionId}, may_act => ${isUsable(sql, { userId: ownerId, tokenId })},
    role_seen => ${roleInSession(sql, ownerId, sessionId)}, rights => ${sql.json(RIGHTS)}, when_busy => ${whenBusy},
    checked_models => ${checkedModels ?? null}::text[], limits => ${sql.json(below)},
    request_key => ${key?.key ?? null}, request_hash => ${key?.requestHash ?? null}`;
}

/** What admit_turn_1 returns. */
export interface Admission {
  refusal: TurnRefusal["kind"] | "key_reused" | "forbidden" | "quota_exceeded" | null;
  detail: Exceeded | null;
  role: ProjectRole;
  model: string | null;
}

/** @returns null: the turn is admitted @throws IdempotencyKeyReused, Forbidden, QuotaExceeded */
export function refusalOf({ refusal, detail, role, model }: Admission): TurnRefusal | null {
  switch (refusal) {
    case "key_reused":
      throw new IdempotencyKeyReused();
    case "forbidden":
      throw forbiddenTo(role);
    case "quota_exceeded":
      throw new QuotaExceeded(detail as Exceeded);
    case "model_unchecked":
      return { kind: refusal, model: model as string };
    default:
      return refusal && { kind: refusal };
  }
}

/** The arguments of queue_turn_1 that do not depend on what the turn asks. */
export const headStart = (sql: Sql) => milliseconds(sql, QUEUE_HEAD_START_MS);

/** The columns of what queue_turn_1 returned, `q`, as `Queued`. */
export const queuedColumns = (sql: Sql) => sql`
  q.answer, q.list_version as "listVersion",
  (select row_to_json(c) from (select ${summaryColumns(sql)} from (select (q.session).*) s) c) as session,
  (select row_to_json(c) from (select ${messageColumns(sql)} from (select (q.message).*) m) c) as message`;

/** What repeated requests are answered. An early release stored answers without changes. */
export type StoredAnswer<Kind extends string> = Omit<QueuedTurn<Kind>, "changes"> & { changes?: Hint[] };

/** What queue_turn_1 returns. */
export interface Queued<Kind extends string> {
  answer: StoredAnswer<Kind>;
  listVersion: number;
  session: SessionSummary;
  message: Message;
}

/**
 * @param frames the structural changes that come before the new turn, and after it
 * @param ahead the live turns that the session had before
 * @returns the turn with all changes for an announcement
 */
export function queuedTurn<Kind extends string>(
  { answer, listVersion, session, message }: Queued<Kind>,
  { before = [], after = [] }: { before?: Structure["frame"][]; after?: Structure["frame"][] },
  ahead: number,
): QueuedTurn<Kind> {
  const frames: Structure["frame"][] = [
    ...before,
    { type: "message_posted", message: rowOf(message) },
    { type: "turn_queued", turn_id: answer.turnId, ordinal: message.turn_ordinal, ahead },
    ...after,
  ];
  const structure = frames.map((frame) => ({ kind: "structure" as const, frame }));
  const listed: Change = {
    kind: "list",
    of: { projectId: session.project_id },
    frame: { type: "session_updated", session: rowOf(session), version: listVersion },
  };
  return { ...answer, changes: [...numberStructure(session, structure), ...(answer.changes ?? []), listed] };
}

/** A repeated request wakes a worker again, and announces no frames: these hold texts, which are not stored twice. */
export const repeated = <Kind extends string>(answer: StoredAnswer<Kind>): QueuedTurn<Kind> => ({
  ...answer,
  changes: answer.changes ?? [],
});
