-- migrate:up

-- The number of replies of the turn's current step that the model server cut after their first words. They have a limit of
-- their own, because they say nothing about the turn's workers.
alter table turns add column cuts integer not null default 0;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
