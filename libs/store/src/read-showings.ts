import type { Citation, MessagePlace, ShownFile } from "@boocode/contracts";
import { readableMessage } from "./access.ts";
import type { Fragment, Sql } from "./sql.ts";

/** A tool's output, and what it shows of the files that were asked for. */
export interface ToolShowing {
  /** Empty when only names are shown, or when newer outputs have taken all the room. */
  content: string;
  evidence: ShownFile[];
  /** When the output was stored. */
  shown_at: string;
}

/** How many of a session's tool outputs are looked at, the newest first. */
const MOST_OUTPUTS = 2_000;
/** How many characters of them are read. */
const MOST_CHARACTERS = 4_000_000;

/**
 * Reads what the tools of a session have shown of the files with these names.
 * @param names the last parts of paths
 * @returns newest first
 */
export async function readShowings(sql: Sql, sessionId: string, names: readonly string[]): Promise<ToolShowing[]> {
  return await showings(sql, sql`m.session_id = ${sessionId} and m.deleted_at is null`, names);
}

const showings = (sql: Sql, which: Fragment, names: readonly string[]) => sql<ToolShowing[]>`
  select case when has_lines and sum(length) over (order by turn_ordinal desc, position desc) <= ${MOST_CHARACTERS}
    then content else '' end as content, evidence, shown_at
  from (
    select m.turn_ordinal, m.position, m.content, m.created_at as shown_at, named.evidence, named.has_lines,
      case when named.has_lines then octet_length(m.content) else 0 end as length
    from (
      select m.turn_ordinal, m.position, m.content, m.evidence, m.created_at from messages m
      where ${which} and m.role = 'tool' and m.evidence is not null
      order by m.turn_ordinal desc, m.position desc limit ${MOST_OUTPUTS}) m
    cross join lateral (
      select jsonb_agg(file) as evidence, bool_or(jsonb_array_length(file->'ranges') > 0) as has_lines
      from jsonb_array_elements(m.evidence) file
      where substring(file->>'path' from '[^/]*$') = any(${names as string[]})) named
    where named.evidence is not null) shown
  order by turn_ordinal desc, position desc`;

export interface CitationShowings {
  citation: Citation;
  showings: ToolShowing[];
}

/**
 * Reads one citation of an answer, and what the tools had shown of its file before the answer.
 * @param index of the citation, from 0
 * @returns null when the user may read no such message, or it has no such citation
 */
export async function readCitationShowings(
  sql: Sql,
  userId: string,
  { sessionId, messageId, index }: { sessionId: string; messageId: string; index: number },
): Promise<CitationShowings | null> {
  const [found] = await sql<(MessagePlace & { citation: Citation })[]>`
    select m.turn_ordinal, m.position, m.citations->${index}::int as citation from messages m
    where m.id = ${messageId} and m.session_id = ${sessionId} and ${readableMessage(sql, userId)}
      and jsonb_array_length(m.citations) > ${index}::int`;
  if (!found) return null;
  const { citation, turn_ordinal, position } = found;
  const which = sql`m.session_id = ${sessionId} and ${readableMessage(sql, userId)}
    and (m.turn_ordinal, m.position) < (${turn_ordinal}::int, ${position}::int)`;
  const name = citation.path.slice(citation.path.lastIndexOf("/") + 1);
  return { citation, showings: await showings(sql, which, [name]) };
}
