-- migrate:up

-- Which part of the conversation the request for this message contained, and what was left out. The session's next request
-- starts its cut at the same place, so that the prompt cache of the model server stays valid.
alter table messages add column context jsonb;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
