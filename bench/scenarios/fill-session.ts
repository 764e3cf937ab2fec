import type { Postgres } from "@boocode/runtime";

const MESSAGES_PER_TURN = 4;

/** Fills a session with this many messages: questions, tool calls, outputs of 4,000 characters, answers. */
export async function fillSession(sql: Postgres, sessionId: string, ownerId: string, messages: number): Promise<void> {
  const turns = messages / MESSAGES_PER_TURN;
  await sql`
    insert into turns (id, session_id, owner_id, ordinal, status, attempt, started_at, finished_at)
    select gen_random_uuid(), ${sessionId}, ${ownerId}, n, 'complete', 1, now(), now()
    from generate_series(1, ${turns}::int) n`;
  await sql`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content, tool_calls,
      tool_result)
    select gen_random_uuid(), ${sessionId}, ${ownerId}, t.id, t.ordinal, m.position, m.step, m.role, m.content,
      case when m.calls then jsonb_build_array(jsonb_build_object('id', 'c' || t.ordinal, 'name', 'grep',
        'arguments', jsonb_build_object('pattern', 'word' || t.ordinal))) end,
      case when m.role = 'tool' then jsonb_build_object('tool_call_id', 'c' || t.ordinal, 'name', 'grep',
        'truncated', false, 'error', null) end
    from turns t, lateral (values
      (0, null::int, 'user', 'Where is word' || t.ordinal || ' used? ' || repeat('please ', 15), false),
      (1, 0, 'assistant', 'I look for it.', true),
      (2, 0, 'tool', (
        -- Every line differs, as in code: Postgres would compress equal lines to a hundred bytes.
        select string_agg('src/' || substr(md5(t.ordinal + i || ''), 1, 8) || '.ts:' || i || ': const value = compute(' ||
          substr(md5(t.ordinal - i || ''), 1, 12) || ');', chr(10)) from generate_series(1, 66) i), false),
      (3, 1, 'assistant', repeat('It is used in src/file.ts:12. ', 26), false)
    ) as m (position, step, role, content, calls)
    where t.session_id = ${sessionId}`;
  await sql`update sessions set last_ordinal = ${turns} where id = ${sessionId}`;
}
