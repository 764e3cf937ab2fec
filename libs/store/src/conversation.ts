import type { ConversationRow, Role, ToolsIgnored } from "@boocode/contracts";
import { existingSession } from "./access.ts";
import { type FolderHolder, folderHolder } from "./accounts/grants.ts";
import type { Sql } from "./sql.ts";

/** What a turn needs to know about its session and project. */
export interface TurnSetting {
  projectName: string;
  projectPath: string;
  /** The project's owner, who must have been granted its folder. */
  owner: FolderHolder;
  sessionName: string | null;
  model: string | null;
  /** The role of the user who asked. */
  askerRole: Role;
  systemPrompt: string | null;
  /** Set when the session has been told that its model sees no tools. */
  toolsIgnored?: ToolsIgnored;
}

/** An expression over `turns t` that a claim selects. Null when the session or its project was deleted. */
export const turnSetting = (sql: Sql) => sql`(
  select jsonb_build_object('projectName', p.name, 'projectPath', p.path, 'sessionName', s.name, 'model', s.model,
    'systemPrompt', s.system_prompt,
    'askerRole', (select role from users where id = t.owner_id), 'owner', ${folderHolder(sql)})
    || case when s.tools_ignored is null then '{}' else jsonb_build_object('toolsIgnored', s.tools_ignored) end
  from sessions s join projects p on p.id = s.project_id join users u on u.id = p.owner_id
  where s.id = t.session_id and s.deleted_at is null and p.deleted_at is null)`;

/**
 * An expression over `turns t` that a claim selects: the recent model calls of the session, newest first. It reads only the
 * newest messages, so its cost does not depend on the length of the session.
 */
export const recentCalls = (sql: Sql) => sql`(
  select coalesce(jsonb_agg(to_jsonb(call) - 'at' order by call.at desc), '[]') from (
    select at, context, tokens_used, ctx_used, ctx_max from (
      select array[turn_ordinal, position] as at, role, status, context, tokens_used, ctx_used, ctx_max from messages
      where session_id = t.session_id and deleted_at is null
      order by turn_ordinal desc, position desc limit 60) newest
    where role = 'assistant' and status <> 'streaming' and context is not null
    order by at desc limit 10) call)`;

/** Which turns of a conversation are read. */
export interface WantedTurns {
  sessionId: string;
  /** Reads the turns with ordinals below this one and not below `from`. */
  before: number;
  from: number;
  /** Reads the committed messages of the turn `before` as well, as far as there are any. They are the first page's first turn. */
  withPresent?: boolean;
  /** The maximum number of earlier turns; null when only `from` limits them. */
  turns: number | null;
  /** In turns below this ordinal, tool outputs that are certainly longer than `elideOver` characters are not read. */
  elideBelow: number;
  elideOver: number;
  /** Off by default: reasoning can be longer than everything else, and few model servers require it to be sent back. */
  withReasoning?: boolean;
}

/** A row of a conversation, with its place within its turn. */
export type PlacedRow = ConversationRow & { position: number };

/**
 * Reads a page of whole turns before an ordinal, newest first, in one statement. A request is built from the end of the conversation backwards,
 * so its cost depends on what is sent and not on the length of the session.
 */
export async function readTurnsBefore(sql: Sql, wanted: WantedTurns): Promise<PlacedRow[][]> {
  // This compares the stored size, because Postgres must read and decompress a large text to know its length. A UTF-16 unit
  // takes at most three bytes, so no output shorter than `elideOver` counts as longer.
  const elided = sql`
    m.role = 'tool' and m.turn_ordinal < ${wanted.elideBelow} and pg_column_size(m.content) > ${wanted.elideOver * 3 + 4}`;
  const page =
    wanted.turns === null
      ? sql``
      : sql`and m.turn_ordinal >= (
        select coalesce(min(turn_ordinal), 0) from (
          select q.turn_ordinal from messages q
          where q.session_id = ${wanted.sessionId} and q.deleted_at is null and q.position = 0
            and q.turn_ordinal < ${wanted.before}
          order by q.turn_ordinal desc limit ${wanted.turns}) newest)`;
  const rows = await sql<PlacedRow[]>`
    select m.turn_ordinal, m.position, m.role, m.status, case when ${elided} then '' else m.content end as content,
      ${wanted.withReasoning ? sql`m.reasoning,` : sql``} m.tool_calls, m.tool_result, ${elided} as left_out
    from messages m
    where m.session_id = ${wanted.sessionId} and m.deleted_at is null and m.status <> 'streaming'
      and m.turn_ordinal < ${wanted.before + (wanted.withPresent ? 1 : 0)} and m.turn_ordinal >= ${wanted.from} ${page}
    order by m.turn_ordinal desc, m.position`;
  const turns: PlacedRow[][] = [];
  for (const row of rows) {
    const last = turns.at(-1);
    if (last && last[0]?.turn_ordinal === row.turn_ordinal) last.push(row);
    else turns.push([row]);
  }
  return turns;
}

export interface NamingExchange {
  /** The user who asked. */
  userId: string;
  role: Role;
  model: string | null;
  question: string;
  answer: string;
}

/**
 * Reads the first answer, and its question, of a session that has no name. Failed and cancelled turns are skipped.
 * @returns null when the session has a name, has no answer, or was deleted
 */
export async function readForNaming(sql: Sql, sessionId: string): Promise<NamingExchange | null> {
  const [row] = await sql<NamingExchange[]>`
    select answer."userId", (select role from users where id = answer."userId") as role, s.model, question.content as question, answer.content as answer
    from sessions s
    cross join lateral (
      select m.turn_id, m.content, t.owner_id as "userId" from messages m join turns t on t.id = m.turn_id and t.status = 'complete'
      where m.session_id = s.id and m.role = 'assistant' and m.status = 'complete' and m.deleted_at is null
      order by m.turn_ordinal, m.position desc limit 1
    ) answer
    cross join lateral (
      select content from messages where turn_id = answer.turn_id and role = 'user' and deleted_at is null limit 1
    ) question
    where s.id = ${sessionId} and s.name is null and ${existingSession(sql)}`;
  return row ?? null;
}
