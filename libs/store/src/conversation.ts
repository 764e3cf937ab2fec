import type { ConversationRow, Message } from "@boocode/contracts";
import { messageColumns, type Sql } from "./sql.ts";

/** What a turn needs to know of its session and project. */
export interface TurnSetting {
  projectName: string;
  projectPath: string;
  sessionName: string | null;
  model: string | null;
  systemPrompt: string | null;
}

/** Of `turns t`, as one value: a claim brings it along. Null when the session or its project is gone. */
export const turnSetting = (sql: Sql) => sql`(
  select jsonb_build_object('projectName', p.name, 'projectPath', p.path, 'sessionName', s.name, 'model', s.model,
    'systemPrompt', s.system_prompt)
  from sessions s join projects p on p.id = s.project_id
  where s.id = t.session_id and s.deleted_at is null and p.deleted_at is null)`;

/** The committed messages of one turn, in order. */
export async function readTurnMessages(sql: Sql, turnId: string): Promise<Message[]> {
  return await sql<Message[]>`
    select ${messageColumns(sql)} from messages m
    where m.turn_id = ${turnId} and m.deleted_at is null and m.status <> 'streaming'
    order by m.position`;
}

/**
 * Of the session of `turns t`, as one value: a claim brings them along. Looks at the newest few messages only, so that it
 * costs the same in a session of any length.
 */
export const recentCalls = (sql: Sql) => sql`(
  select coalesce(jsonb_agg(to_jsonb(call) - 'at' order by call.at desc), '[]') from (
    select at, context, tokens_used, ctx_used, ctx_max from (
      select array[turn_ordinal, position] as at, role, status, context, tokens_used, ctx_used, ctx_max from messages
      where session_id = t.session_id and deleted_at is null
      order by turn_ordinal desc, position desc limit 60) newest
    where role = 'assistant' and status <> 'streaming' and context is not null
    order by at desc limit 10) call)`;

export interface EarlierTurns {
  sessionId: string;
  /** Turns below this ordinal, and not below `from`. */
  before: number;
  from: number;
  /** At most so many turns; null where `from` is bound enough. */
  turns: number | null;
  /** Outputs of turns below this ordinal are not read when they are surely longer than `elideOver` characters. */
  elideBelow: number;
  elideOver: number;
  /** Thoughts may be longer than everything else, and few servers want them back. */
  withReasoning?: boolean;
}

/**
 * Whole turns before an ordinal, newest first, a page at a time: a request is built from the end of the conversation
 * backwards, at a cost that grows with what is sent and not with the length of the session.
 */
export async function readTurnsBefore(sql: Sql, wanted: EarlierTurns): Promise<ConversationRow[][]> {
  // The stored size, because the length of a large text is only known once all of it was read and unpacked. A UTF-16 unit
  // takes at most three bytes, so that nothing shorter than `elideOver` is taken for longer.
  const elided = sql`
    m.role = 'tool' and m.turn_ordinal < ${wanted.elideBelow} and pg_column_size(m.content) > ${wanted.elideOver * 3 + 4}`;
  const page =
    wanted.turns === null
      ? sql``
      : sql`and m.turn_ordinal >= (
        select min(turn_ordinal) from (
          select q.turn_ordinal from messages q
          where q.session_id = ${wanted.sessionId} and q.deleted_at is null and q.position = 0
            and q.turn_ordinal < ${wanted.before}
          order by q.turn_ordinal desc limit ${wanted.turns}) newest)`;
  const rows = await sql<ConversationRow[]>`
    select m.turn_ordinal, m.role, m.status, case when ${elided} then '' else m.content end as content,
      ${wanted.withReasoning ? sql`m.reasoning,` : sql``} m.tool_calls, m.tool_result, ${elided} as left_out
    from messages m
    where m.session_id = ${wanted.sessionId} and m.deleted_at is null and m.status <> 'streaming'
      and m.turn_ordinal < ${wanted.before} and m.turn_ordinal >= ${wanted.from} ${page}
    order by m.turn_ordinal desc, m.position`;
  const turns: ConversationRow[][] = [];
  for (const row of rows) {
    const last = turns.at(-1);
    if (last && last[0]?.turn_ordinal === row.turn_ordinal) last.push(row);
    else turns.push([row]);
  }
  return turns;
}

/**
 * The first answer of a session that has no name yet, and its question: turns that failed or were cancelled say nothing of
 * what it is about. @returns null when it has a name, no answer, or is gone
 */
export async function readForNaming(
  sql: Sql,
  sessionId: string,
): Promise<{ model: string | null; question: string; answer: string } | null> {
  const [row] = await sql<{ model: string | null; question: string; answer: string }[]>`
    select s.model, question.content as question, answer.content as answer
    from sessions s
    cross join lateral (
      select m.turn_id, m.content from messages m join turns t on t.id = m.turn_id and t.status = 'complete'
      where m.session_id = s.id and m.role = 'assistant' and m.status = 'complete' and m.deleted_at is null
      order by m.turn_ordinal, m.position desc limit 1
    ) answer
    cross join lateral (
      select content from messages where turn_id = answer.turn_id and role = 'user' and deleted_at is null limit 1
    ) question
    where s.id = ${sessionId} and s.name is null and s.deleted_at is null`;
  return row ?? null;
}
