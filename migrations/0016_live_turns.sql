-- migrate:up

-- How many turns of the session are queued, running or cancelling. 0017 counts them. In a transaction of its own, because it excludes
-- also readers, some of which hold a lock on `turns`.
alter table sessions add column live_turns integer not null default 0;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
