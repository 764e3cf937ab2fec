-- Commits a step under its fence (T2): its message, the results of its tools, and the empty message of the next step. Repeating it
-- changes nothing. Returns what the turn's user has used today, with this step; no row when the fence is lost.
-- new_usage: null: as it was saved last. The arrays have an element for each tool message. next_message: null: no step follows.
create function commit_step_2(
  of_turn uuid, of_attempt integer, new_last_seq bigint, new_usage jsonb,
  of_message uuid, new_content text, new_reasoning text, new_tool_calls jsonb, new_context jsonb,
  new_citations jsonb, new_finish_reason text, new_model text, new_tokens_used integer, new_ctx_used integer, new_ctx_max integer,
  of_step integer, tool_ids uuid[], tool_positions integer[], tool_contents text[], tool_results text[],
  tool_evidence text[],
  next_message uuid, next_position integer, next_model text, next_context jsonb)
returns table (tokens_per_day bigint, tool_calls_per_day bigint, bytes_per_day bigint)
language plpgsql volatile set search_path from current as $$
declare
  turn turns;
begin
  update turns set last_seq = new_last_seq, cuts = 0, usage = coalesce(new_usage, usage),
      usage_has_draft = new_usage is null and usage_has_draft
    -- An older `last_seq` is a late duplicate of a write that was retried.
    where id = of_turn and attempt = of_attempt and status collate "C" = 'running' and last_seq <= new_last_seq
    returning * into turn;
  if not found then
    return;
  end if;
  perform finish_message_2(of_message, 'complete', new_content, new_reasoning, new_tool_calls, new_context,
    new_citations, new_finish_reason, new_model, new_tokens_used, new_ctx_used, new_ctx_max, null, null, new_last_seq);
  insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content, tool_result,
      evidence, last_seq, finished_at)
    select tool.id, turn.session_id, turn.owner_id, turn.id, turn.ordinal, tool.position, of_step, 'tool', tool.content,
      tool.result::jsonb, tool.evidence::jsonb, new_last_seq, now()
    from unnest(tool_ids, tool_positions, tool_contents, tool_results, tool_evidence) as tool (id, position, content, result, evidence)
    on conflict (id) do nothing;
  if next_message is not null then
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, status, model, context,
        last_seq, started_at)
      values (next_message, turn.session_id, turn.owner_id, turn.id, turn.ordinal, next_position, of_step + 1, 'assistant',
        'streaming', next_model, next_context, new_last_seq, now())
      on conflict (id) do nothing;
  end if;
  return query select today.* from count_day_use_1(turn.owner_id) today;
end $$;
