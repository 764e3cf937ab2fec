-- migrate:up

-- Users whose access to something ended a moment ago: gateways read what is new here every second, in place of asking for each socket.
-- Triggers write it, so that services of the version before and the operator do, too.
create table ended_access (
  -- The transaction in which it ended. Compared with a reader's last snapshot, it tells what was committed since, in whatever order.
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null default now(),
  user_id uuid not null
);
create index ended_access_by_xid on ended_access (xid);
create index ended_access_by_age on ended_access (at);

-- Its argument is the column with the user's id. Readers look every second: after an hour a row is of no use. Rows that another
-- transaction deletes are skipped, so that none waits here.
create function note_ended_access() returns trigger language plpgsql as $$
begin
  insert into ended_access (user_id) values ((to_jsonb(old) ->> tg_argv[0])::uuid);
  delete from ended_access where ctid = any(array(
    select ctid from ended_access where at < now() - interval '1 hour' limit 100 for update skip locked));
  return null;
end $$;

-- Of a deleted project: all who could read it.
create function note_deleted_project() returns trigger language plpgsql as $$
begin
  insert into ended_access (user_id)
  select new.owner_id union all select user_id from project_members where project_id = new.id;
  return null;
end $$;

create trigger access_ended after update of revoked_at, expires_at on api_tokens for each row
  when (new.revoked_at is distinct from old.revoked_at or new.expires_at is distinct from old.expires_at)
  execute function note_ended_access('user_id');
create trigger access_removed after delete on api_tokens for each row
  when (old.revoked_at is null) execute function note_ended_access('user_id');
create trigger access_ended after update of disabled_at, deleted_at on users for each row
  when (new.disabled_at is distinct from old.disabled_at or new.deleted_at is distinct from old.deleted_at)
  execute function note_ended_access('id');
create trigger access_removed after delete on users for each row execute function note_ended_access('id');
create trigger access_removed after delete on project_members for each row execute function note_ended_access('user_id');
create trigger access_ended after update of deleted_at on projects for each row
  when (new.deleted_at is distinct from old.deleted_at) execute function note_deleted_project();

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
