import type { MessageContext } from "@boocode/contracts";
import type { Fence } from "./claim-turn.ts";
import type { Pool } from "./sql.ts";
import { statusByKey } from "./turn-status.ts";

/** The text of a streaming message and the seq of the last frame that it contains, saved atomically. */
export interface Draft extends Fence {
  messageId: string;
  content: string;
  reasoning: string | null;
  lastSeq: number;
  /** What was sent to the model; absent or null: as it was saved before. */
  context?: MessageContext | null;
}

/**
 * Saves the drafts of all streams of a process in one statement. It writes the turn's row together with the message, which
 * locks out a concurrent claim: a draft of an older attempt changes nothing (T10). It skips locked rows, because waiting for
 * one row would delay the drafts of all other turns.
 * @returns the turns whose draft was saved; a missing turn no longer runs under that attempt, or its row is locked
 */
export async function saveDrafts(sql: Pool, drafts: Draft[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    with draft as (
      select * from unnest(
        ${drafts.map((draft) => draft.turnId)}::uuid[], ${drafts.map((draft) => draft.attempt)}::int[],
        ${drafts.map((draft) => draft.messageId)}::uuid[], ${drafts.map((draft) => draft.content)}::text[],
        ${drafts.map((draft) => draft.reasoning)}::text[], ${drafts.map((draft) => draft.lastSeq)}::bigint[],
        ${drafts.map(({ context }) => (context ? JSON.stringify(context) : null))}::text[]
      ) as d (turn_id, attempt, message_id, content, reasoning, last_seq, context)
    ), held as (
      select t.id from turns t join draft d on d.turn_id = t.id and d.attempt = t.attempt
      where ${statusByKey(sql, sql`t`)} = 'running' order by t.id for no key update of t skip locked
    ), fenced as (
      update turns set last_seq = d.last_seq
      from draft d, held where turns.id = held.id and d.turn_id = held.id and turns.last_seq <= d.last_seq
      returning turns.id
    ), saved as (
      update messages m set content = d.content, reasoning = d.reasoning, last_seq = d.last_seq,
        context = coalesce(d.context::jsonb, m.context)
      from draft d, fenced where d.turn_id = fenced.id and m.id = d.message_id and m.status = 'streaming'
      returning m.id
    )
    select id from fenced`;
  return new Set(rows.map((row) => row.id));
}
