-- migrate:up

-- Deleting a project marks it; its sessions follow in batches. Set when the last of them is deleted.
alter table projects add column emptied_at timestamptz;
update projects set emptied_at = deleted_at where deleted_at is not null;
create index projects_to_empty on projects (deleted_at) where deleted_at is not null and emptied_at is null;

-- Set when everything of a deleted user is removed but the row itself, which keeps the slug from being given again.
alter table users add column purged_at timestamptz;
create index users_to_purge on users (deleted_at) where deleted_at is not null and purged_at is null;

-- What the purge looks for. The indexes on `messages` and `turns` block posts while they are
-- built; for large tables, run these two statements before the upgrade as `create index concurrently`.
create index if not exists messages_to_purge on messages (deleted_at) where deleted_at is not null;
create index sessions_to_purge on sessions (deleted_at, id) where deleted_at is not null;

-- Removing a row makes Postgres look for rows that refer to it, which no partial index answers. `sessions_by_project` now also
-- holds deleted sessions. For `messages` such an index would cost each insert: the session of a message is that of its turn.
drop index sessions_by_project;
create index sessions_by_project on sessions (project_id, deleted_at, updated_at desc);
alter table messages drop constraint messages_session_id_fkey;

-- The export of a user's data reads sessions and turns in this order.
drop index sessions_by_owner;
create index sessions_by_owner on sessions (owner_id, created_at) where deleted_at is null;
create index if not exists turns_by_owner on turns (owner_id, created_at);

-- Answers held the message's text. A repeated request needs its ids only.
update idempotency_keys set answer = answer || jsonb_build_object(
  'message', jsonb_build_object('id', answer->'message'->'id', 'session_id', answer->'message'->'session_id',
    'turn_ordinal', answer->'message'->'turn_ordinal'),
  'changes', coalesce((select jsonb_agg(change) from jsonb_array_elements(answer->'changes') change
    where change->>'kind' in ('turn_due', 'turn_cancelling')), '[]'))
where answer ? 'message';

-- By default a table is vacuumed when a fifth of it is dead. A running turn's row is rewritten twice a second, a session's several
-- times a turn, a message's with each draft: in large tables the few rows in use would drown in dead ones long before.
alter table turns set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0.02);
alter table sessions set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.02);
alter table messages set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
  toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_threshold = 5000);
-- Every row lives for a day, so that as many are removed as are added.
alter table idempotency_keys set (autovacuum_vacuum_scale_factor = 0.05);

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
