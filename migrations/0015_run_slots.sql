-- migrate:up

-- Which of its user's places a running turn has: from 1 to the user's limit of running turns; null without a limit.
alter table turns add column run_slot integer;

-- Guarantees the limit: of two claims at the same moment one fails, and is repeated.
create unique index one_turn_per_run_slot on turns (owner_id, run_slot) where status in ('running', 'cancelling');

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
