import { MATCHES_PER_SESSION, type SearchMatch } from "@boocode/contracts";
import { readableMessage, readableProject, readableSession } from "../access.ts";
import type { Fragment, Sql } from "../sql.ts";
import type { Wanted } from "./match-text.ts";
import { SEARCHED_UNITS } from "./words.ts";

/** A place in the order of texts, newest first. */
export interface Place {
  /** In microseconds since 1970. */
  micros: number;
  id: string;
}

/** Who searches, and where. */
export interface Scope {
  userId: string;
  /** Absent: in all projects that the user may read. */
  projectId?: string | undefined;
}

/** A text that may have what is searched for. */
export interface FoundText extends Place {
  /** A name's `id` is that of its session. */
  in: SearchMatch["in"];
  session_id: string;
  turn_id: string | null;
  at: string;
  text: string;
}

export interface Block {
  id: number;
  /** The times of its texts, in microseconds. */
  first: number;
  last: number;
}

/** Texts that one statement reads. */
const TEXTS_AT_ONCE = 64;
/** More than a block has. */
const BLOCK_TEXTS = 1_000;
/** Bytes of the texts that one statement reads. The first text may have more. */
const BYTES_AT_ONCE = 2_000_000;
/** New texts that have no words yet, and that a search reads itself. */
const NEW_TEXTS = 200;
/** Entries of the queue, of all users, among which these are found. */
const QUEUE_LOOK = 1_000;

const micros = (sql: Sql, time: Fragment) => sql`(extract(epoch from ${time}) * 1000000)::bigint`;

const inScope = (sql: Sql, { projectId }: Scope, column: Fragment) =>
  projectId === undefined ? sql`` : sql`and ${column} = ${projectId}`;

const textColumns = (sql: Sql) => sql`
  case m.role when 'user' then 'question' else 'answer' end as in, m.id, m.session_id, m.turn_id, m.created_at as at,
  ${micros(sql, sql`m.created_at`)} as micros, m.content as text`;
const nameColumns = (sql: Sql) => sql`
  'name' as in, s.id, s.id as session_id, null::uuid as turn_id, s.created_at as at,
  ${micros(sql, sql`s.created_at`)} as micros, s.name as text`;

/*
 * Each row is reached by its key, in a subquery of its own: joined, the tables of all users are read whole where statistics are stale.
 */

/** The newest texts whose words are not written yet. */
export async function readNewTexts(sql: Sql, scope: Scope): Promise<FoundText[]> {
  return await sql<FoundText[]>`
    with queued as materialized (
      select distinct session_id, message_id from (select * from search_queue where not is_old limit ${QUEUE_LOOK}) q
    ), new as (
      select t.* from queued q cross join lateral (
        select ${textColumns(sql)} from messages m join sessions s on s.id = m.session_id
        where m.id = q.message_id and ${readableMessage(sql, scope.userId)} ${inScope(sql, scope, sql`s.project_id`)} limit 1) t
      union all
      select t.* from queued q cross join lateral (
        select ${nameColumns(sql)} from sessions s
        where q.message_id is null and s.id = q.session_id and s.name is not null and ${readableSession(sql, scope.userId)}
          ${inScope(sql, scope, sql`s.project_id`)} limit 1) t
    ), newest as (
      select *, sum(octet_length(text)) over (order by micros desc, id desc) - octet_length(text) as bytes_before
      from new order by micros desc, id desc limit ${NEW_TEXTS}
    )
    select "in", id, session_id, turn_id, at, micros, left(text, ${SEARCHED_UNITS}) as text from newest
    where bytes_before < ${BYTES_AT_ONCE}::int order by micros desc, id desc`;
}

/** The blocks with texts that the user may read, those with the newest text first. */
export async function readBlocks(sql: Sql, scope: Scope): Promise<Block[]> {
  return await sql<Block[]>`
    select b.id, ${micros(sql, sql`b.first_at`)} as first, ${micros(sql, sql`b.last_at`)} as last
    from search_blocks b join projects p on p.id = b.project_id
    where ${readableProject(sql, scope.userId)} ${inScope(sql, scope, sql`p.id`)}
    order by b.last_at desc, b.id desc`;
}

/** What a statement looks for. */
export interface Look {
  wanted: Wanted;
  blocks: readonly Block[];
  /** Only older texts. */
  before: Place;
  /** Not in these sessions. */
  without: readonly string[];
  /** Nor in those whose ids, without hyphens, begin with these. */
  seen: readonly string[];
}

/**
 * Reads the newest texts of some blocks that have the words of a query.
 * @returns newest first; `isAll`: the blocks have no others
 */
export async function readFound(
  sql: Sql,
  scope: Scope,
  { wanted, blocks, before, without, seen }: Look,
): Promise<{ texts: FoundText[]; isAll: boolean }> {
  const queries = blocks.map(({ id }) =>
    wanted.words.map(({ word, isPrefix }) => `'${id}:${word}'${isPrefix ? ":*" : ""}`).join(" & "),
  );
  const earlier = sql`(timestamptz 'epoch' + ${String(before.micros)}::float8 * interval '1 microsecond', ${before.id}::uuid)`;
  const rows = await sql<(FoundText & { count: number; fits: boolean })[]>`
    with hit as materialized (
      select h.* from unnest(${queries}::text[]) as b (query) cross join lateral (
        select w.message_id, w.session_id, w.at, coalesce(w.message_id, w.session_id) as id,
          row_number() over (partition by w.session_id order by w.at desc, w.message_id desc) as nth
        from search_words w
        where w.words @@ b.query::tsquery and (w.at, coalesce(w.message_id, w.session_id)) < ${earlier}
          and (select s.deleted_at is null from sessions s where s.id = w.session_id)
          and (w.message_id is null or (select m.deleted_at is null from messages m where m.id = w.message_id))
          ${without.length > 0 ? sql`and w.session_id <> all(${without as string[]}::uuid[])` : sql``}
          ${seen.length > 0 ? sql`and left(replace(w.session_id::text, '-', ''), 12) <> all(${seen as string[]}::text[])` : sql``}
        order by w.at desc, id desc limit ${wanted.isExact ? BLOCK_TEXTS : TEXTS_AT_ONCE}) h
      where h.nth <= ${wanted.isExact ? MATCHES_PER_SESSION : TEXTS_AT_ONCE}
      order by h.at desc, h.id desc limit ${TEXTS_AT_ONCE}
    ), found as (
      select t.* from hit h cross join lateral (
        select ${textColumns(sql)} from messages m where m.id = h.message_id and ${readableMessage(sql, scope.userId)} limit 1) t
      union all
      select t.* from hit h cross join lateral (
        select ${nameColumns(sql)} from sessions s
        where h.message_id is null and s.id = h.session_id and s.name is not null and ${readableSession(sql, scope.userId)} limit 1) t
    ), fitted as (
      select *, sum(octet_length(text)) over (order by micros desc, id desc) - octet_length(text) < ${BYTES_AT_ONCE}::int as fits
      from found
    )
    select "in", id, session_id, turn_id, at, micros, fits, case when fits then left(text, ${SEARCHED_UNITS}) end as text,
      (select count(*)::int from hit) as count
    from fitted order by micros desc, id desc`;
  const texts = rows.filter(({ fits }) => fits);
  return { texts, isAll: (rows[0]?.count ?? 0) < TEXTS_AT_ONCE && texts.length === rows.length };
}
