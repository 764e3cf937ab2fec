-- Ends several turns as complete in one transaction, each under its fence as end_turn_2 does. One commit and one lock of a project are
-- for all of them: where each ended by itself, those of one project would wait for each other's commits, one after the other.
-- The arrays have an element for each turn. Returns a row for each turn that has ended; id is null when its session or project is gone.
-- The caller ends the others one by one, and all of them when this fails: it does not wait long for a lock.
create function complete_turns_1(
  turn_ids uuid[], attempts integer[], last_seqs bigint[], usages text[],
  message_ids uuid[], contents text[], reasonings text[], tool_calls text[], contexts text[], citations text[],
  finish_reasons text[], models text[], tokens_used integer[], ctx_used integer[], ctx_max integer[])
returns table (
  turn_id uuid, attempt integer, next_turn_id uuid, tells_tools_ignored boolean, list_version bigint,
  id uuid, project_id uuid, owner jsonb, name text, auto_named boolean, model text, tools_ignored jsonb, version bigint,
  created_at timestamptz, updated_at timestamptz, busy boolean)
language plpgsql volatile set lock_timeout = '200ms' set search_path from current as $$
#variable_conflict use_column
declare
  done uuid[];
begin
  -- As the lock order requires, which is by id within a table.
  perform from sessions s where s.id in (select t.session_id from turns t where t.id = any(turn_ids))
    order by s.id for no key update;
  perform from turns t where t.id = any(turn_ids) order by t.id for no key update;
  with ended as (
    update turns t set status = 'complete', last_seq = e.last_seq, lease_until = null, finished_at = clock_timestamp(),
        error_code = null, error = null,
        usage = coalesce(e.usage::jsonb, t.usage), usage_has_draft = e.usage is not null or t.usage_has_draft
      from unnest(turn_ids, attempts, last_seqs, usages) as e (id, attempt, last_seq, usage)
      where t.id = e.id and t.attempt = e.attempt and t.status collate "C" = 'running'
      returning t.id)
  select array_agg(ended.id) into done from ended;
  if done is null then
    return;
  end if;
  perform add_usage_2(t.id, t.owner_id, t.session_id, t.finished_at, t.usage) from turns t where t.id = any(done);
  perform finish_message_2(e.message, 'complete', e.content, e.reasoning, e.calls::jsonb, e.context::jsonb,
      e.citations::jsonb, e.finish_reason, e.model, e.used, e.ctx_used, e.ctx_max, null, null, t.last_seq)
    from unnest(turn_ids, attempts, message_ids, contents, reasonings, tool_calls, contexts, citations, finish_reasons, models,
        tokens_used, ctx_used, ctx_max)
      as e (turn, attempt, message, content, reasoning, calls, context, citations, finish_reason, model, used, ctx_used, ctx_max)
    -- Of two attempts of a turn, the one that has ended it.
    join turns t on t.id = e.turn and t.attempt = e.attempt
    where t.id = any(done) and e.message is not null;
  -- None may outlive its turn (T3): see end_turn_2.
  update messages m set status = 'complete', error_code = null, error = null, last_seq = t.last_seq, finished_at = now()
    from turns t where t.id = any(done) and m.turn_id = t.id and m.status = 'streaming' and m.deleted_at is null;

  -- What close_turn_1 does for one session.
  perform from projects p
    where p.id in (select s.project_id from turns t join sessions s on s.id = t.session_id where t.id = any(done))
    order by p.id for no key update;
  return query
    with gone_or_not as (
      select t.id, t.attempt, t.session_id, s.live_turns, p.id as project_id
      from turns t
      left join sessions s on s.id = t.session_id and s.deleted_at is null
      left join projects p on p.id = s.project_id and p.deleted_at is null
      where t.id = any(done)
    ), closed as (
      select g.*, row_number() over (partition by g.project_id order by g.id) as nth from gone_or_not g
      where g.project_id is not null
    ), due as (
      update turns n set due_at = now() + interval '1 second'
      where n.id in (
        select next.id from closed c cross join lateral (
          select l.id from (
            select q.id, q.ordinal, q.status from turns q
            where q.session_id = c.session_id and q.status collate "C" in ('queued', 'running', 'cancelling')
            order by q.ordinal desc limit c.live_turns) l
          where l.status = 'queued' order by l.ordinal limit 1) next)
      returning n.id, n.session_id
    ), touched as (
      update sessions s set updated_at = now() from closed c where s.id = c.session_id returning s.*
    ), raised as (
      update projects p set version = p.version + n.closed
      from (select c.project_id, count(*) as closed from closed c group by c.project_id) n
      where p.id = n.project_id returning p.id, p.version - n.closed as before
    )
    select g.id, g.attempt, due.id, false, raised.before + c.nth,
      s.id, s.project_id, (select jsonb_build_object('id', u.id, 'name', u.name) from users u where u.id = s.owner_id),
      s.name, s.auto_named, s.model, s.tools_ignored, s.version, s.created_at, s.updated_at, s.live_turns > 0
    from gone_or_not g
    left join closed c on c.id = g.id
    left join touched s on s.id = c.session_id
    left join raised on raised.id = c.project_id
    left join due on due.session_id = c.session_id;
end $$;
