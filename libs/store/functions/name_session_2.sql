-- Writes the usage of a run of naming, and gives the session the name, unless it has one. Repeating it changes nothing. Returns the
-- named session and the version of its project's list; no row when the name was not given.
-- new_name: null: none was found.
create function name_session_2(of_run uuid, of_user uuid, of_session uuid, used jsonb, new_name text)
returns table (
  list_version bigint,
  id uuid, project_id uuid, owner jsonb, name text, auto_named boolean, model text, tools_ignored jsonb, version bigint,
  created_at timestamptz, updated_at timestamptz, busy boolean)
language plpgsql volatile set search_path from current as $$
#variable_conflict use_column
begin
  perform add_usage_2(of_run, of_user, of_session, now(), used);
  update sessions s set name = new_name, auto_named = true, version = version + 1
    where id = of_session and name is null and new_name is not null and deleted_at is null
      and exists (select from projects p where p.id = s.project_id and p.deleted_at is null)
    returning id, project_id, name, auto_named, model, tools_ignored, version, created_at, updated_at,
      (select jsonb_build_object('id', u.id, 'name', u.name) from users u where u.id = owner_id),
      live_turns > 0
    into id, project_id, name, auto_named, model, tools_ignored, version, created_at, updated_at, owner, busy;
  if not found then
    return;
  end if;
  update projects p set version = p.version + 1 where p.id = project_id returning p.version into list_version;
  return next;
end $$;
