-- migrate:up

-- What the model was sent of the conversation when it wrote this message, and what was left out. The next request of the
-- session begins its cut here, so that a model server's prompt cache keeps fitting.
alter table messages add column context jsonb;

-- Forward only: a change is undone by another migration.
-- migrate:down
