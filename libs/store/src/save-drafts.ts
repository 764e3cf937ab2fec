import type { Fence } from "./claim-turn.ts";
import type { Pool } from "./sql.ts";

/** A streaming message's text and the frame up to which it is whole; they are saved together or not at all. */
export interface Draft extends Fence {
  messageId: string;
  content: string;
  reasoning: string | null;
  lastSeq: number;
}

/**
 * Saves the drafts of all streams of a process in one statement. The turn's row is written with the message, which locks
 * it against a claim at the same instant: a draft of an older attempt changes no row (T10). It waits for no turn's row: one
 * that is locked for long would hold the drafts of all others.
 * @returns the turns whose draft was saved; one that is missing is no longer running under that attempt, or is locked now
 */
export async function saveDrafts(sql: Pool, drafts: Draft[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    with draft as (
      select * from unnest(
        ${drafts.map((draft) => draft.turnId)}::uuid[], ${drafts.map((draft) => draft.attempt)}::int[],
        ${drafts.map((draft) => draft.messageId)}::uuid[], ${drafts.map((draft) => draft.content)}::text[],
        ${drafts.map((draft) => draft.reasoning)}::text[], ${drafts.map((draft) => draft.lastSeq)}::bigint[]
      ) as d (turn_id, attempt, message_id, content, reasoning, last_seq)
    ), held as (
      select t.id from turns t join draft d on d.turn_id = t.id and d.attempt = t.attempt
      where t.status = 'running' order by t.id for no key update of t skip locked
    ), fenced as (
      update turns set last_seq = d.last_seq
      from draft d, held where turns.id = held.id and d.turn_id = held.id and turns.last_seq <= d.last_seq
      returning turns.id
    ), saved as (
      update messages m set content = d.content, reasoning = d.reasoning, last_seq = d.last_seq
      from draft d, fenced where d.turn_id = fenced.id and m.id = d.message_id and m.status = 'streaming'
      returning m.id
    )
    select id from fenced`;
  return new Set(rows.map((row) => row.id));
}
