import type { Message } from "@boocode/contracts";
import { cancelTurnsOfSessions, changesOfCancel } from "./cancel-turns.ts";
import { type Change, recordSessionChanges } from "./changes.ts";
import { type IdempotencyKey, once } from "./idempotency.ts";
import { countLiveTurns, type QueuedTurn, queueTurn, withoutLists } from "./post-message.ts";
import { messageColumns } from "./rows.ts";
import { lockSession } from "./sessions.ts";
import { only, type Pool, type Sql } from "./sql.ts";

/**
 * Deletes a message and everything after it, and cancels the turns that would write there, in one transaction (T11).
 * @returns null when there is no such message of this owner
 */
export async function deleteMessagesFrom(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  messageId: string,
): Promise<{ deleted: string[]; version: number; changes: Change[] } | null> {
  return await pool.begin(async (sql) => {
    if (!(await lockSession(sql, ownerId, sessionId))) return null;
    const [first] = await sql<{ turn_ordinal: number; position: number }[]>`
      select turn_ordinal, position from messages
      where id = ${messageId} and session_id = ${sessionId} and owner_id = ${ownerId} and deleted_at is null`;
    if (!first) return null;
    const cancelled = await cancelTurnsOfSessions(sql, ownerId, [sessionId], "messages_deleted", first.turn_ordinal);
    const deleted = await markDeleted(sql, sessionId, first);
    const { session, changes } = await recordSessionChanges(sql, { ownerId, sessionId }, [
      ...changesOfCancel(cancelled, "messages_deleted"),
      { kind: "structure", frame: { type: "messages_deleted", message_ids: deleted } },
    ]);
    return { deleted, version: session.version, changes };
  });
}

export type RegenerateOutcome =
  | QueuedTurn<"regenerated">
  | { kind: "not_found" }
  | { kind: "busy" }
  | { kind: "nothing" };

/**
 * Deletes the last turn's answer and queues a new turn over the same question. The question keeps its id and moves to the
 * new turn, because a turn ends once and its frames are never numbered again (T1).
 * @throws IdempotencyKeyReused
 */
export async function regenerateAnswer(
  pool: Pool,
  turn: { ownerId: string; sessionId: string; turnId: string },
  key: IdempotencyKey | null,
): Promise<RegenerateOutcome> {
  const regenerate = async (sql: Sql): Promise<RegenerateOutcome> => {
    if (!(await lockSession(sql, turn.ownerId, turn.sessionId))) return { kind: "not_found" };
    if ((await countLiveTurns(sql, turn.sessionId)) > 0) return { kind: "busy" };
    const [question] = await sql<{ id: string; turn_ordinal: number }[]>`
      select id, turn_ordinal from messages
      where session_id = ${turn.sessionId} and role = 'user' and deleted_at is null
      order by turn_ordinal desc limit 1`;
    if (!question) return { kind: "nothing" };
    const deleted = await markDeleted(sql, turn.sessionId, { turn_ordinal: question.turn_ordinal, position: 1 });
    const queued = await queueTurn(sql, turn);
    const message = only(
      await sql<Message[]>`
        update messages m set turn_id = ${turn.turnId}, turn_ordinal = ${queued.ordinal} where id = ${question.id}
        returning ${messageColumns(sql)}`,
    );
    const { session, changes } = await recordSessionChanges(sql, turn, [
      { kind: "structure", frame: { type: "messages_deleted", message_ids: deleted } },
      { kind: "structure", frame: { type: "message_posted", message } },
      ...queued.changes,
    ]);
    return { kind: "regenerated", turnId: turn.turnId, message, version: session.version, changes };
  };
  return await pool.begin((sql) =>
    once(
      sql,
      key,
      () => regenerate(sql),
      (outcome) => (outcome.kind === "regenerated" ? withoutLists(outcome) : null),
    ),
  );
}

async function markDeleted(
  sql: Sql,
  sessionId: string,
  from: { turn_ordinal: number; position: number },
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    update messages set deleted_at = now()
    where session_id = ${sessionId} and deleted_at is null
      and (turn_ordinal, position) >= (${from.turn_ordinal}::int, ${from.position}::int)
    returning id`;
  return rows.map((row) => row.id);
}
