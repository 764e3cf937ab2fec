-- migrate:up

-- Serves the pages of a project's sessions. `sessions_by_project` cannot: it has deleted sessions, and so a column before the time.
create index sessions_in_order on sessions (project_id, updated_at desc, id) where deleted_at is null;
drop index sessions_by_project;
create index sessions_by_project on sessions (project_id, deleted_at);
