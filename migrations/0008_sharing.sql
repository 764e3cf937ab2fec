-- migrate:up

-- Whom the owner of a project shares it with. The owner is not in this table.
create table project_members (
  project_id uuid not null references projects on delete cascade,
  user_id uuid not null references users on delete cascade,
  -- A reader lists, reads and follows; a member also asks.
  role text not null check (role in ('reader', 'member')),
  added_at timestamptz not null default now(),
  primary key (project_id, user_id)
);
create index project_members_by_user on project_members (user_id, project_id);

-- Version of the project's list of sessions and of its own entry: raised by one per user frame, in the transaction that makes the
-- change. The version of a user's lists is users.version plus those of all projects, deleted ones too, that the user may read.
alter table projects add column version bigint not null default 0;
drop index projects_by_owner;
create index projects_by_owner on projects (owner_id, added_at);

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
