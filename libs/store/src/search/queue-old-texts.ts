import { only, type Sql } from "../sql.ts";

/** Turns whose texts are queued together, of whole sessions. */
const TURNS_AT_ONCE = 200;

/**
 * Queues some of the texts that are older than the search, a project's newest sessions first. The queue is empty then, so that texts
 * which are written meanwhile hardly wait.
 * @returns whether there was something to queue
 */
export async function queueOldTexts(sql: Sql): Promise<boolean> {
  const { done } = only(
    await sql<{ done: boolean }[]>`
    with place as (
      select * from search_backfill order by project_id limit 1
    ), next as (
      select s.id, s.created_at, s.name,
        sum(s.last_ordinal) over (order by s.created_at desc, s.id desc) - s.last_ordinal as turns_before
      from place p join sessions s on s.project_id = p.project_id and s.deleted_at is null
      where p.session_id is null or (s.created_at, s.id) < (p.session_at, p.session_id)
      order by s.created_at desc, s.id desc limit ${TURNS_AT_ONCE}
    ), chosen as (
      select * from next where turns_before < ${TURNS_AT_ONCE}
    ), queued as (
      insert into search_queue (session_id, message_id, is_old)
      select c.id, m.id, true from chosen c join messages m on m.session_id = c.id
      where m.deleted_at is null and m.role <> 'tool' and m.status <> 'streaming'
      union all
      select id, null, true from chosen where name is not null
    ), moved as (
      update search_backfill b set session_at = last.created_at, session_id = last.id
      from (select * from chosen order by created_at, id limit 1) last, place p where b.project_id = p.project_id
    ), finished as (
      delete from search_backfill b using place p
      where b.project_id = p.project_id and not exists (select from chosen) returning 1
    )
    select exists (select from chosen) or exists (select from finished) as done`,
  );
  return done;
}
