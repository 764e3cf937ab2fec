import type { Message } from "@boocode/contracts";
import { type CancelledTurns, cancelTurnsOfSessions } from "./cancel-turns.ts";
import { type IdempotencyKey, once } from "./idempotency.ts";
import { countLiveTurns, countLiveTurnsOfUser, insertTurn } from "./post-message.ts";
import { messageColumns } from "./rows.ts";
import { lockSession, raiseSessionVersion, type SessionChange, showInLists } from "./sessions.ts";
import type { Pool, Sql } from "./sql.ts";

/**
 * Deletes a message and everything after it, and cancels the turns that would write there, in one transaction (T11).
 * @returns null when there is no such message of this owner
 */
export async function deleteMessagesFrom(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  messageId: string,
): Promise<{ deleted: string[]; version: number; cancelled: CancelledTurns; lists: SessionChange } | null> {
  return await pool.begin(async (sql) => {
    if (!(await lockSession(sql, ownerId, sessionId))) return null;
    const [first] = await sql<{ turn_ordinal: number; position: number }[]>`
      select turn_ordinal, position from messages
      where id = ${messageId} and session_id = ${sessionId} and owner_id = ${ownerId} and deleted_at is null`;
    if (!first) return null;
    const cancelled = await cancelTurnsOfSessions(sql, ownerId, [sessionId], "messages_deleted", first.turn_ordinal);
    const deleted = await markDeleted(sql, sessionId, first);
    const version = await raiseSessionVersion(sql, sessionId, cancelled.withdrawn.length + 1);
    return { deleted, version, cancelled, lists: await showInLists(sql, ownerId, sessionId) };
  });
}

/** A regeneration: the last answer is gone, and a new turn stands over the same question. */
export interface RegeneratedTurn {
  kind: "regenerated";
  turnId: string;
  message: Message;
  deleted: string[];
  version: number;
  liveTurnsOfUser: number;
  /** null when this is the answer to an earlier request. */
  lists: SessionChange | null;
}

export type RegenerateOutcome = RegeneratedTurn | { kind: "not_found" } | { kind: "busy" } | { kind: "nothing" };

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
  return await pool.begin(async (sql) => {
    let lists = null as SessionChange | null;
    const outcome = await once<RegenerateOutcome>(
      sql,
      key,
      async () => {
        if (!(await lockSession(sql, turn.ownerId, turn.sessionId))) return { kind: "not_found" };
        if ((await countLiveTurns(sql, turn.sessionId)) > 0) return { kind: "busy" };
        const [question] = await sql<{ id: string; turn_ordinal: number }[]>`
        select id, turn_ordinal from messages
        where session_id = ${turn.sessionId} and role = 'user' and deleted_at is null
        order by turn_ordinal desc limit 1`;
        if (!question) return { kind: "nothing" };
        const deleted = await markDeleted(sql, turn.sessionId, { turn_ordinal: question.turn_ordinal, position: 1 });
        const ordinal = await insertTurn(sql, turn);
        const [message] = await sql<[Message]>`
        update messages m set turn_id = ${turn.turnId}, turn_ordinal = ${ordinal} where id = ${question.id}
        returning ${messageColumns(sql)}`;
        const version = await raiseSessionVersion(sql, turn.sessionId, 3);
        const liveTurnsOfUser = await countLiveTurnsOfUser(sql, turn.ownerId);
        lists = await showInLists(sql, turn.ownerId, turn.sessionId);
        return { kind: "regenerated", turnId: turn.turnId, message, deleted, version, liveTurnsOfUser, lists: null };
      },
      (answer) => answer.kind === "regenerated",
    );
    return outcome.kind === "regenerated" ? { ...outcome, lists } : outcome;
  });
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
