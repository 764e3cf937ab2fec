import { existingSession } from "../access.ts";
import { only, type Pool, type Sql } from "../sql.ts";
import { queueOldTexts } from "./queue-old-texts.ts";
import { SEARCHED_UNITS, wordsOf } from "./words.ts";

/** Key of the advisory lock of the process that writes words: a project's newest block has one writer. */
const LOCK = 7_266_265;

/** Texts of one batch. */
const TEXTS_AT_ONCE = 64;
/** Bytes of the texts of one batch, which keep a worker for some 20 ms. The first text may have more. */
const BYTES_AT_ONCE = 64 * 1024;
/** A block with as many texts gets no more batches. */
const TEXTS_PER_BLOCK = 250;

interface QueuedText {
  session_id: string;
  message_id: string | null;
  project_id: string;
  at: string;
  text: string;
}

/**
 * Writes the words of some texts, those that were committed last first, so that searches find them.
 * @returns how many; null when another process does it. `isMore`: call it again
 */
export async function indexTexts(pool: Pool): Promise<{ texts: number; isMore: boolean } | null> {
  return await pool.begin(async (sql) => {
    const { mine } = only(await sql<{ mine: boolean }[]>`select pg_try_advisory_xact_lock(${LOCK}) as mine`);
    if (!mine) return null;
    const { texts, isMore } = await takeTexts(sql);
    await writeWords(sql, texts);
    return { texts: texts.length, isMore: isMore || (await queueOldTexts(sql)) };
  });
}

async function takeTexts(sql: Sql): Promise<{ texts: QueuedText[]; isMore: boolean }> {
  const rows = await sql<(QueuedText & { is_more: boolean; fits: boolean | null })[]>`
    with taken as (
      delete from search_queue where ctid = any(array(
        (select ctid from search_queue where not is_old limit ${TEXTS_AT_ONCE})
        union all (select ctid from search_queue where is_old limit ${TEXTS_AT_ONCE}) limit ${TEXTS_AT_ONCE})) returning *
    ), found as (
      select q.*, s.project_id, m.created_at as at, m.content as text
      from taken q join messages m on m.id = q.message_id join sessions s on s.id = m.session_id
      where m.deleted_at is null and ${existingSession(sql)}
      union all
      select q.*, s.project_id, s.created_at, s.name
      from (select distinct * from taken) q join sessions s on s.id = q.session_id
      where q.message_id is null and s.name is not null and ${existingSession(sql)}
    ), fitted as (
      select *, sum(octet_length(text)) over (order by is_old, at, message_id, session_id) - octet_length(text)
        < ${BYTES_AT_ONCE}::int as fits
      from found
    ), put_back as (
      insert into search_queue select session_id, message_id, is_old from fitted where not fits
    )
    select (select count(*) from taken) = ${TEXTS_AT_ONCE} or exists (select from fitted where not fits) as is_more, fits, session_id, message_id, project_id, at::text as at,
      left(text, ${SEARCHED_UNITS}) as text
    from (select) one left join fitted on fits`;
  return { texts: rows.filter(({ fits }) => fits), isMore: rows[0]?.is_more ?? false };
}

async function writeWords(sql: Sql, texts: readonly QueuedText[]): Promise<void> {
  if (texts.length === 0) return;
  const blocks = await chooseBlocks(sql, texts);
  const words = texts.map(({ project_id, text }) => {
    const block = blocks.get(project_id);
    return [...wordsOf(text)].map((word) => `${block}:${word}`).join(" ");
  });
  const renamed = texts.flatMap(({ session_id, message_id }) => (message_id === null ? [session_id] : []));
  if (renamed.length > 0) {
    // A session that is purged now is gone when this has its lock, so that no word of it is left.
    await sql`select from sessions where id = any(${renamed}::uuid[]) order by id for key share`;
    await sql`delete from search_words where session_id = any(${renamed}::uuid[]) and message_id is null`;
  }
  await sql`
    insert into search_words (block, session_id, message_id, at, words)
    select block, session_id, message_id, at, array_to_tsvector(string_to_array(words, ' '))
    from unnest(${texts.map(({ project_id }) => blocks.get(project_id) as number)}::bigint[],
      ${texts.map(({ session_id }) => session_id)}::uuid[], ${texts.map(({ message_id }) => message_id)}::uuid[],
      ${texts.map(({ at }) => at)}::timestamptz[], ${words}::text[]) as t (block, session_id, message_id, at, words)
    where message_id is not null or exists (select from sessions s where s.id = t.session_id)
    on conflict do nothing`;
}

/** @returns the block, by project, that takes this batch */
async function chooseBlocks(sql: Sql, texts: readonly QueuedText[]): Promise<Map<string, number>> {
  const rows = await sql<{ id: number; project_id: string }[]>`
    with batch as (
      select project_id, count(*)::int as texts, min(at) as first_at, max(at) as last_at
      from unnest(${texts.map(({ project_id }) => project_id)}::uuid[], ${texts.map(({ at }) => at)}::timestamptz[])
        as t (project_id, at)
      group by project_id
    ), filled as (
      update search_blocks b set texts = b.texts + batch.texts,
        first_at = least(b.first_at, batch.first_at), last_at = greatest(b.last_at, batch.last_at)
      from batch where b.project_id = batch.project_id and b.texts < ${TEXTS_PER_BLOCK}
      returning b.id, b.project_id
    ), begun as (
      insert into search_blocks (project_id, texts, first_at, last_at)
      select * from batch where not exists (select from filled where filled.project_id = batch.project_id)
      returning id, project_id
    )
    select id, project_id from filled union all select id, project_id from begun`;
  return new Map(rows.map(({ id, project_id }) => [project_id, id]));
}
