-- Ends a turn under its fence: the turn, its messages, its usage, and what follows in its session (close_turn_1).
-- outcome: `ended`; `repeated`: it had ended so before; `cancelling`: it must end as cancelled instead; `lost`: the fence is lost.
-- of_message: the message that is still open, with its text so far; null when none is open. new_usage: null: as it was saved last.
create function end_turn_2(
  of_turn uuid, of_attempt integer, new_status text, new_cancel_reason text, new_error_code text, new_error text,
  new_last_seq bigint, new_usage jsonb, found_tools_ignored jsonb,
  of_message uuid, new_content text, new_reasoning text, new_tool_calls jsonb, new_context jsonb,
  new_citations jsonb, new_finish_reason text, new_model text, new_tokens_used integer, new_ctx_used integer, new_ctx_max integer)
returns table (
  outcome text, next_turn_id uuid, tells_tools_ignored boolean, list_version bigint,
  id uuid, project_id uuid, owner jsonb, name text, auto_named boolean, model text, tools_ignored jsonb, version bigint,
  created_at timestamptz, updated_at timestamptz, busy boolean)
language plpgsql volatile set search_path from current as $$
#variable_conflict use_column
declare
  session uuid;
  ended turns;
begin
  select session_id into session from turns where id = of_turn;
  if not found then
    outcome := 'lost';
    return next;
    return;
  end if;
  -- Before the turn, as the lock order requires.
  perform from sessions where id = session for no key update;
  update turns set status = new_status, last_seq = new_last_seq, lease_until = null, finished_at = clock_timestamp(),
      error_code = new_error_code, error = new_error, cancel_reason = coalesce(cancel_reason, new_cancel_reason),
      usage = coalesce(new_usage, usage), usage_has_draft = new_usage is not null or usage_has_draft
    where id = of_turn and attempt = of_attempt and case
      when new_status <> 'cancelled' then status collate "C" = 'running'
      -- The session or its project is gone, although nobody asked for the cancel.
      when new_cancel_reason = 'session_deleted' then status collate "C" in ('running', 'cancelling')
      else status collate "C" = 'cancelling' end
    returning * into ended;
  if found then
    outcome := 'ended';
    perform add_usage_2(of_turn, ended.owner_id, session, ended.finished_at, ended.usage);
    if of_message is not null then
      perform finish_message_2(of_message, new_status, new_content, new_reasoning, new_tool_calls, new_context,
        new_citations, new_finish_reason, new_model, new_tokens_used, new_ctx_used, new_ctx_max, new_error_code, new_error, new_last_seq);
    end if;
    -- None may outlive its turn (T3): one that an earlier attempt began and this one did not reach, or one whose creation was
    -- committed although the worker never received the result.
    update messages set status = new_status, error_code = new_error_code, error = new_error, last_seq = new_last_seq,
        finished_at = now()
      where turn_id = of_turn and status = 'streaming' and deleted_at is null;
  else
    select case
        when attempt <> of_attempt then 'lost'
        -- The worker repeats this end, because the result of its first write was lost. The changes may be announced twice.
        when status = new_status then 'repeated'
        when status = 'cancelling' then 'cancelling'
        else 'lost' end
      into outcome from turns where id = of_turn;
    if outcome is distinct from 'repeated' then
      return next;
      return;
    end if;
  end if;
  select c.* into next_turn_id, tells_tools_ignored, list_version, id, project_id, owner, name, auto_named, model,
      tools_ignored, version, created_at, updated_at, busy
    from close_turn_1(session, found_tools_ignored) c;
  return next;
end $$;
