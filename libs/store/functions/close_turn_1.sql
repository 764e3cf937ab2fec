-- What a turn's end changes in its session: the next turn becomes due, and the lists change. The caller has the session's
-- lock; this takes the next turn's and then the project's. Returns no row when the session or its project is gone.
-- found_tools_ignored: a ToolsIgnored to record, unless the session knows it for this model; null: none.
create function close_turn_1(of_session uuid, found_tools_ignored jsonb)
returns table (
  next_turn_id uuid, tells_tools_ignored boolean, list_version bigint,
  id uuid, project_id uuid, owner jsonb, name text, auto_named boolean, model text, tools_ignored jsonb, version bigint,
  created_at timestamptz, updated_at timestamptz, busy boolean)
language plpgsql volatile set search_path from current as $$
#variable_conflict use_column
declare
  still_live integer;
begin
  select s.live_turns, found_tools_ignored is not null
      and (s.tools_ignored is null or s.tools_ignored->>'model' is distinct from found_tools_ignored->>'model')
    into still_live, tells_tools_ignored
    from sessions s join projects p on p.id = s.project_id
    where s.id = of_session and s.deleted_at is null and p.deleted_at is null;
  if not found then
    return;
  end if;
  update turns set due_at = now() + interval '1 second'
    where id = (
      select l.id from (
        -- The live turns are among the newest ones of the session, which are read until as many are found as it counts.
        select t.id, t.ordinal, t.status from turns t
        where t.session_id = of_session and t.status collate "C" in ('queued', 'running', 'cancelling')
        order by t.ordinal desc limit still_live) l
      where l.status = 'queued' order by l.ordinal limit 1)
    returning id into next_turn_id;
  update sessions set updated_at = now(), version = version + tells_tools_ignored::int,
      tools_ignored = case when tells_tools_ignored then found_tools_ignored else tools_ignored end
    where id = of_session
    returning id, project_id, name, auto_named, model, tools_ignored, version, created_at, updated_at,
      (select jsonb_build_object('id', u.id, 'name', u.name) from users u where u.id = owner_id),
      live_turns > 0
    into id, project_id, name, auto_named, model, tools_ignored, version, created_at, updated_at, owner, busy;
  update projects p set version = p.version + 1 where p.id = project_id returning p.version into list_version;
  return next;
end $$;
