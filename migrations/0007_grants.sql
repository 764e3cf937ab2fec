-- migrate:up

-- The folders in which a user's projects may lie, each with everything below it. `path` is a real path without symlinks.
create table grants (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references users on delete cascade,
  path text not null,
  -- Null: granted by a command of the administrator, by `npm start`, or by this migration.
  granted_by uuid references users on delete set null,
  created_at timestamptz not null default now()
);
-- Not unique together with `path`, which can be longer than an index entry; grantFolder locks the user instead.
create index grants_by_user on grants (user_id);

-- Nobody loses a project. `npm run migrate` lists the grants of two users that overlap.
insert into grants (user_id, path)
select distinct p.owner_id, p.path from projects p join users u on u.id = p.owner_id
where p.deleted_at is null and u.deleted_at is null;

-- Not validated, because existing rows satisfied a narrower check, and validating reads the whole table under a lock.
alter table turns drop constraint turns_cancel_reason_check;
alter table turns add constraint turns_cancel_reason_check
  check (cancel_reason in ('user', 'interrupted', 'messages_deleted', 'session_deleted', 'access_revoked')) not valid;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
