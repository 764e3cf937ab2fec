import type { Message } from "@boocode/contracts";
import { messageColumns } from "./rows.ts";
import type { Sql } from "./sql.ts";

/** What a turn needs to know of its session and project. */
export interface TurnSetting {
  projectName: string;
  projectPath: string;
  sessionName: string | null;
  model: string | null;
  systemPrompt: string | null;
}

/** @returns null when the session or its project is gone */
export async function readTurnSetting(sql: Sql, sessionId: string): Promise<TurnSetting | null> {
  const [setting] = await sql<TurnSetting[]>`
    select p.name as "projectName", p.path as "projectPath", s.name as "sessionName", s.model,
      s.system_prompt as "systemPrompt"
    from sessions s join projects p on p.id = s.project_id
    where s.id = ${sessionId} and s.deleted_at is null and p.deleted_at is null`;
  return setting ?? null;
}

/** The committed messages of one turn, in order. */
export async function readTurnMessages(sql: Sql, turnId: string): Promise<Message[]> {
  return await sql<Message[]>`
    select ${messageColumns(sql)} from messages m
    where m.turn_id = ${turnId} and m.deleted_at is null and m.status <> 'streaming'
    order by m.position`;
}

/**
 * Whole turns before an ordinal, newest first, a page at a time: a request is built from the end of the conversation
 * backwards, at a cost that grows with what is sent and not with the length of the session.
 * @param turns at most so many turns in a page
 */
export async function readTurnsBefore(
  sql: Sql,
  sessionId: string,
  ordinal: number,
  turns: number,
): Promise<Message[][]> {
  const rows = await sql<Message[]>`
    select ${messageColumns(sql)} from messages m
    where m.session_id = ${sessionId} and m.deleted_at is null and m.status <> 'streaming' and m.turn_ordinal in (
      select distinct turn_ordinal from (
        select turn_ordinal from turns t join messages q on q.turn_id = t.id and q.position = 0 and q.deleted_at is null
        where t.session_id = ${sessionId} and t.ordinal < ${ordinal}
        order by t.ordinal desc limit ${turns}) newest)
    order by m.turn_ordinal desc, m.position`;
  const pages: Message[][] = [];
  for (const row of rows) {
    const last = pages.at(-1);
    if (last && last[0]?.turn_ordinal === row.turn_ordinal) last.push(row);
    else pages.push([row]);
  }
  return pages;
}

/** The first question and answer of a session that has no name yet. @returns null when it has one or is gone */
export async function readForNaming(
  sql: Sql,
  sessionId: string,
): Promise<{ model: string | null; question: string; answer: string } | null> {
  const [row] = await sql<{ model: string | null; question: string; answer: string }[]>`
    select s.model, question.content as question, answer.content as answer
    from sessions s
    cross join lateral (
      select turn_ordinal, content from messages
      where session_id = s.id and role = 'user' and deleted_at is null order by turn_ordinal limit 1
    ) question
    cross join lateral (
      select content from messages
      where session_id = s.id and turn_ordinal = question.turn_ordinal and role = 'assistant' and status = 'complete'
        and deleted_at is null
      order by position desc limit 1
    ) answer
    where s.id = ${sessionId} and s.name is null and s.deleted_at is null`;
  return row ?? null;
}
