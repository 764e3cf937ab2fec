import { MAX_REPLY_CALLS, type Message } from "@boocode/contracts";
import type { MessageCut, MessageSize } from "./plan-page.ts";
import { type Fragment, messageColumns, type Sql } from "./sql.ts";

/** Reads what is known of messages without reading their texts. @param which a `from` clause with `messages m`, and more */
export async function readSizes(sql: Sql, which: Fragment): Promise<MessageSize[]> {
  // Neither function decompresses a value that is stored apart from its row.
  return await sql<MessageSize[]>`
    select m.id, m.turn_id, m.turn_ordinal, m.position, m.role, m.status = 'streaming' as "isStreaming",
      octet_length(m.content) as content, coalesce(octet_length(m.reasoning), 0) as reasoning,
      coalesce(pg_column_size(m.tool_calls), 0) + coalesce(pg_column_size(m.tool_result), 0)
        + coalesce(pg_column_size(m.citations), 0) as calls
    from ${which}`;
}

/**
 * Reads messages in the order of the conversation, each as far as it is wanted. A message of which something is left out is
 * `shortened`. The caller has chosen the messages with a predicate of access.ts in the same database snapshot.
 */
export async function readCut(sql: Sql, cuts: readonly MessageCut[]): Promise<Message[]> {
  const most = (limit: number) => Math.min(limit, 2_147_483_647);
  const content = sql`left(m.content, cut.content)`;
  const reasoning = sql`left(m.reasoning, cut.reasoning)`;
  // The first comparison spares the others most calls: a value of this size was not compressed.
  const isLong = sql`(pg_column_size(m.tool_calls) > 1000 and octet_length(m.tool_calls::text) > cut.calls)`;
  const toolCalls = sql`case when ${isLong} then ${bareCalls(sql)} else m.tool_calls end`;
  const rows = await sql<Message[]>`
    select ${messageColumns(sql, { content, reasoning, toolCalls })},
      (octet_length(m.content) > octet_length(${content}) or coalesce(octet_length(m.reasoning) > octet_length(${reasoning}), false)
        or coalesce(${isLong}, false)) as shortened
    from unnest(${cuts.map(({ id }) => id)}::uuid[], ${cuts.map((cut) => most(cut.content))}::int[],
      ${cuts.map((cut) => most(cut.reasoning))}::int[], ${cuts.map((cut) => most(cut.calls))}::int[])
      as cut (id, content, reasoning, calls)
    join messages m on m.id = cut.id
    order by m.turn_ordinal, m.position`;
  return rows.map(({ shortened, ...message }) => (shortened ? { ...message, shortened } : message));
}

/** The calls of a message without their arguments: a cut argument would be a different argument. */
const bareCalls = (sql: Sql) => sql`(
  select jsonb_agg(jsonb_build_object('id', left(call.one->>'id', 200), 'name', left(call.one->>'name', 200),
    'arguments', '{}'::jsonb) order by call.place)
  from jsonb_array_elements(m.tool_calls) with ordinality as call (one, place) where call.place <= ${MAX_REPLY_CALLS})`;
