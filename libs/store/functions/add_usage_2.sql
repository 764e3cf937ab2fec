-- Writes the rows of `usage` of a turn that has ended, or of a run of naming, under an id of its own. Writing them again changes
-- nothing: rows of one id are written once. In PL/pgSQL, as all that runs in each turn: a connection plans its statements once, and
-- those of a function in SQL with each call.
create function add_usage_2(of_id uuid, of_user uuid, of_session uuid, used_at timestamptz, used jsonb) returns void
language plpgsql volatile set search_path from current as $$
begin
  insert into usage (id, kind, model, day, user_id, session_id, project_id, project_name,
    calls, prompt_tokens, cached_tokens, answer_tokens, reasoning_tokens, estimated_tokens)
  select of_id, u.kind, u.model, (used_at at time zone 'UTC')::date, of_user, s.id, p.id, p.name,
    sum(u.calls), sum(u.prompt_tokens), sum(u.cached_tokens), sum(u.answer_tokens), sum(u.reasoning_tokens),
    sum(u.estimated_tokens)
  from sessions s join projects p on p.id = s.project_id,
    jsonb_to_recordset(used) as u (kind text, model text, calls int, prompt_tokens bigint, cached_tokens bigint,
      answer_tokens bigint, reasoning_tokens bigint, estimated_tokens bigint)
  where s.id = of_session
  group by u.kind, u.model, s.id, p.id, p.name
  on conflict do nothing;
end $$;
