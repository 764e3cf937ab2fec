-- Ends the streaming message of a step or of a turn. The caller has checked the fence and has the turn's lock. In PL/pgSQL for its plan,
-- as add_usage_2.
-- new_context: what was sent to the model; null: as it was saved before. new_model: null: as it was requested.
create function finish_message_2(
  of_message uuid, new_status text, new_content text, new_reasoning text, new_tool_calls jsonb, new_context jsonb,
  new_citations jsonb, new_finish_reason text, new_model text, new_tokens_used integer, new_ctx_used integer, new_ctx_max integer,
  new_error_code text, new_error text, new_last_seq bigint) returns void
language plpgsql volatile set search_path from current as $$
begin
  update messages set content = new_content, reasoning = new_reasoning, tool_calls = new_tool_calls,
    context = coalesce(new_context, context), citations = new_citations, status = new_status, finish_reason = new_finish_reason,
    model = coalesce(new_model, model), tokens_used = new_tokens_used, ctx_used = new_ctx_used, ctx_max = new_ctx_max,
    error_code = new_error_code, error = new_error, last_seq = new_last_seq, finished_at = now()
  where id = of_message and status = 'streaming';
end $$;
