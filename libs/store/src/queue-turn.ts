import type { Message, PostMessage, UserLimits } from "@boocode/contracts";
import { demand, type LockedSession, lockSession } from "./access.ts";
import { cancelTurnsOfSessions, changesOfCancel } from "./cancel-turns.ts";
import { type Change, type Hint, recordSessionChanges, type Structure } from "./changes.ts";
import { type IdempotencyKey, once } from "./idempotency.ts";
import { findExceeded, lockLimits, QuotaExceeded, readTurnCounts } from "./limits.ts";
import { deletion, markDeleted } from "./messages.ts";
import { messageColumns, milliseconds, only, type Pool, type Sql } from "./sql.ts";

/** The time in ms during which only the queue brings a new turn to a worker; after it, any reconciler may claim the turn. */
export const QUEUE_HEAD_START_MS = 1_000;

interface NewTurn {
  /** The user who asks. */
  ownerId: string;
  sessionId: string;
  turnId: string;
  /** The token with which the turn is posted. */
  tokenId?: string | null;
  /** What the user may have; a limit that is reached refuses the turn. Absent: no limits. */
  limits?: UserLimits;
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
export type TurnRefusal = { kind: "not_found" } | { kind: "busy" };

export type PostOutcome = QueuedTurn<"posted"> | TurnRefusal;
export type RegenerateOutcome = QueuedTurn<"regenerated"> | TurnRefusal | { kind: "nothing" };

/**
 * Stores the user's message and a queued turn in one transaction (T8: an acknowledged post survives any crash).
 * @throws IdempotencyKeyReused, Forbidden, QuotaExceeded
 */
export async function postMessage(
  pool: Pool,
  post: PostMessage & NewTurn & { messageId: string },
  key: IdempotencyKey | null,
): Promise<PostOutcome> {
  return await queueOnce<PostOutcome>(pool, key, async (sql) => {
    const admitted = await admitTurn(sql, post, post.when_busy);
    if (admitted.kind !== "admitted") return admitted;
    const cancelled =
      post.when_busy === "interrupt"
        ? await cancelTurnsOfSessions(sql, {
            sessionIds: [post.sessionId],
            reason: "interrupted",
          })
        : { cancelling: [], withdrawn: [] };
    const queued = await insertTurn(sql, post);
    const message = only(
      await sql<Message[]>`
        insert into messages as m (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
        values (${post.messageId}, ${post.sessionId}, ${post.ownerId}, ${post.turnId}, ${queued.ordinal}, 0, 'user',
          ${post.content})
        returning ${messageColumns(sql)}`,
    );
    const { session, changes } = await recordSessionChanges(sql, { sessionId: post.sessionId, isLast: true }, [
      ...changesOfCancel(cancelled, "interrupted"),
      { kind: "structure", frame: { type: "message_posted", message } },
      ...queued.changes,
    ]);
    return { kind: "posted", turnId: post.turnId, message: placeOf(message), version: session.version, changes };
  });
}

/**
 * Deletes the last turn's answer and queues a new turn for the same question. The question keeps its id and moves to the new
 * turn, because a turn ends once and its frames are never renumbered (T1).
 * @throws IdempotencyKeyReused, Forbidden, QuotaExceeded
 */
export async function regenerateAnswer(
  pool: Pool,
  turn: NewTurn,
  key: IdempotencyKey | null,
): Promise<RegenerateOutcome> {
  return await queueOnce<RegenerateOutcome>(pool, key, async (sql) => {
    const admitted = await admitTurn(sql, turn, "reject");
    if (admitted.kind !== "admitted") return admitted;
    const [question] = await sql<{ id: string; owner_id: string; turn_ordinal: number }[]>`
      select id, owner_id, turn_ordinal from messages
      where session_id = ${turn.sessionId} and role = 'user' and deleted_at is null
      order by turn_ordinal desc limit 1`;
    if (!question) return { kind: "nothing" };
    demand(admitted.role, "regenerate answer", question.owner_id === turn.ownerId);
    const from = { turn_ordinal: question.turn_ordinal, position: 1 };
    const range = { from, through_turn: admitted.lastOrdinal };
    const deleted = await markDeleted(sql, turn.sessionId, range);
    const queued = await insertTurn(sql, turn);
    const message = only(
      await sql<Message[]>`
        update messages m set turn_id = ${turn.turnId}, turn_ordinal = ${queued.ordinal} where id = ${question.id}
        returning ${messageColumns(sql)}`,
    );
    const { session, changes } = await recordSessionChanges(sql, turn, [
      ...deletion(deleted, range),
      { kind: "structure", frame: { type: "message_posted", message } },
      ...queued.changes,
    ]);
    return { kind: "regenerated", turnId: turn.turnId, message: placeOf(message), version: session.version, changes };
  });
}

/** The limits that a new turn must be below. */
const OF_NEW_TURNS = [
  "turns_waiting",
  "stored_bytes",
  "tokens_per_day",
  "tool_calls_per_day",
  "bytes_per_day",
] as const;

/** Locks the session of a new turn and decides whether the session lets the turn be queued, before anything is written. */
async function admitTurn(
  sql: Sql,
  { ownerId, sessionId }: NewTurn,
  whenBusy: PostMessage["when_busy"],
): Promise<({ kind: "admitted" } & LockedSession) | TurnRefusal> {
  const session = await lockSession(sql, ownerId, sessionId);
  if (!session) return { kind: "not_found" };
  demand(session.role, "ask", true);
  if (whenBusy === "interrupt") await demandInterrupt(sql, session.role, { ownerId, sessionId });
  if (whenBusy === "reject" && (await countLiveTurns(sql, sessionId)) > 0) return { kind: "busy" };
  return { kind: "admitted", ...session };
}

/** @throws Forbidden when a turn of another user is live, which the asker could not cancel either */
async function demandInterrupt(
  sql: Sql,
  role: LockedSession["role"],
  { ownerId, sessionId }: Pick<NewTurn, "ownerId" | "sessionId">,
): Promise<void> {
  const live = await sql<{ owner_id: string }[]>`
    select distinct owner_id from turns where session_id = ${sessionId} and status in ('queued', 'running')`;
  for (const turn of live) demand(role, "cancel turn", turn.owner_id === ownerId);
}

/**
 * Adds an admitted turn to its session. Every new turn passes through, so that here the limits of its user are compared.
 * @returns its ordinal, and the changes for the transaction to record
 * @throws QuotaExceeded
 */
async function insertTurn(sql: Sql, turn: NewTurn): Promise<{ ordinal: number; changes: (Structure | Hint)[] }> {
  const ahead = await countLiveTurns(sql, turn.sessionId);
  const { last_ordinal: ordinal } = only(
    await sql<{ last_ordinal: number }[]>`
      update sessions set last_ordinal = last_ordinal + 1 where id = ${turn.sessionId} returning last_ordinal`,
  );
  await sql`
    insert into turns (id, session_id, owner_id, token_id, ordinal, due_at)
    values (${turn.turnId}, ${turn.sessionId}, ${turn.ownerId}, ${turn.tokenId ?? null}, ${ordinal},
      now() + ${milliseconds(sql, QUEUE_HEAD_START_MS)})`;
  const liveTurnsOfUser = await compareLimits(sql, turn);
  return {
    ordinal,
    changes: [
      { kind: "structure", frame: { type: "turn_queued", turn_id: turn.turnId, ordinal, ahead } },
      { kind: "turn_due", turnId: turn.turnId, liveTurnsOfUser },
    ],
  };
}

const placeOf = ({ id, session_id, turn_ordinal }: Message) => ({ id, session_id, turn_ordinal });

/**
 * Runs `queue` in a transaction, once for each idempotency key. A repeated request wakes a worker again; it announces no frames,
 * because these hold texts, which are not stored twice, and whoever missed them finds a new version in Postgres.
 */
async function queueOnce<O extends PostOutcome | RegenerateOutcome>(
  pool: Pool,
  key: IdempotencyKey | null,
  queue: (sql: Sql) => Promise<O>,
): Promise<O> {
  const remembered = (outcome: O) =>
    "changes" in outcome ? { ...outcome, changes: outcome.changes.filter(isHint) } : null;
  const outcome = (await pool.begin((sql) => once(sql, key, () => queue(sql), remembered))) as O;
  // Outcomes that an early release stored have no changes.
  return "turnId" in outcome ? { ...outcome, changes: outcome.changes ?? [] } : outcome;
}

const isHint = ({ kind }: Change) => kind !== "list" && kind !== "structure";

async function countLiveTurns(sql: Sql, sessionId: string): Promise<number> {
  const rows = await sql<{ count: number }[]>`
    select count(*) from turns where session_id = ${sessionId} and status in ('queued', 'running', 'cancelling')`;
  return only(rows).count;
}

/** Counts the live turns of a user with the new one. @throws QuotaExceeded when a limit was reached without it */
async function compareLimits(sql: Sql, { ownerId, limits }: NewTurn): Promise<number> {
  if (limits && OF_NEW_TURNS.some((name) => limits[name] !== null)) await lockLimits(sql, ownerId);
  const counts = await readTurnCounts(sql, ownerId);
  const before = { ...counts, turns_waiting: counts.turns_waiting - 1 };
  const exceeded = limits && findExceeded(before, limits, [...OF_NEW_TURNS]);
  if (exceeded) throw new QuotaExceeded(exceeded);
  return counts.turns_waiting + counts.turns_running;
}
