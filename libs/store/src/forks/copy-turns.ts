import type { Sql } from "../sql.ts";

/** The part of a session that a fork copies. */
export interface CopiedPart {
  /** Of its last turn. */
  ordinal: number;
  /** One of its turns has not ended. */
  isLive: boolean;
  messages: number;
  /** As stored: compressed where Postgres compresses. */
  bytes: number;
}

/** Reads no text. @returns null when the session has no such turn, or nothing of the turn is left */
export async function findPart(sql: Sql, sessionId: string, turnId: string): Promise<CopiedPart | null> {
  const [part] = await sql<CopiedPart[]>`
    select last.ordinal, size.messages, size.bytes, exists (
        select from turns t where t.session_id = ${sessionId} and t.ordinal <= last.ordinal
          and t.status not in ('complete', 'failed', 'cancelled')) as "isLive"
    from turns last cross join lateral (
      select count(*) as messages, coalesce(sum(coalesce(pg_column_size(m.content), 0) + coalesce(pg_column_size(m.reasoning), 0)
        + coalesce(pg_column_size(m.tool_calls), 0) + coalesce(pg_column_size(m.tool_result), 0)
        + coalesce(pg_column_size(m.evidence), 0) + coalesce(pg_column_size(m.citations), 0)), 0)::bigint as bytes
      from messages m
      where m.session_id = ${sessionId} and m.turn_ordinal <= last.ordinal and m.deleted_at is null) size
    where last.id = ${turnId} and last.session_id = ${sessionId}
      and exists (select from messages m where m.turn_id = last.id and m.deleted_at is null)`;
  return part ?? null;
}

/**
 * Copies the turns of a part that have messages, and these messages, from one database snapshot. The places in the conversation stay,
 * because what was sent to the model names them (`context`).
 */
export async function copyTurns(
  sql: Sql,
  { id, ownerId, sessionId }: { id: string; ownerId: string; sessionId: string },
  { ordinal }: CopiedPart,
): Promise<void> {
  const copied = await sql<{ calls: number }[]>`
    with source as materialized (
      select t.*, gen_random_uuid() as copy_id from turns t
      where t.session_id = ${sessionId} and t.ordinal <= ${ordinal}
        and exists (select from messages m where m.turn_id = t.id and m.deleted_at is null)
    ), turns_copied as (
      insert into turns (id, session_id, owner_id, ordinal, status, attempt, nonce, last_seq, cancel_reason, cancel_requested_at,
        error_code, error, created_at, started_at, finished_at)
      select copy_id, ${id}, ${ownerId}, ordinal, status, attempt, nonce, last_seq, cancel_reason, cancel_requested_at,
        error_code, error, created_at, started_at, finished_at
      from source
    ), messages_copied as (
      insert into messages (id, session_id, owner_id, author_id, turn_id, turn_ordinal, position, step, role, content, reasoning,
        tool_calls, tool_result, status, last_seq, finish_reason, error_code, error, model, tokens_used, ctx_used, ctx_max,
        created_at, started_at, finished_at, context, evidence, citations)
      select gen_random_uuid(), ${id}, ${ownerId}, nullif(coalesce(m.author_id, m.owner_id), ${ownerId}), t.copy_id, m.turn_ordinal,
        m.position, m.step, m.role, m.content, m.reasoning, m.tool_calls, m.tool_result, m.status, m.last_seq, m.finish_reason,
        m.error_code, m.error, m.model, m.tokens_used, m.ctx_used, m.ctx_max, m.created_at, m.started_at, m.finished_at, m.context,
        m.evidence, m.citations
      from source t join messages m on m.turn_id = t.id
      where m.deleted_at is null and m.status <> 'streaming'
      returning role
    )
    select count(*) filter (where role = 'tool') as calls from messages_copied`;
  // The trigger counts what is added as calls of tools, too. None was made.
  await sql`
    insert into storage_changes (user_id, bytes, day_tool_calls) values (${ownerId}, 0, ${-(copied[0]?.calls ?? 0)})`;
}
