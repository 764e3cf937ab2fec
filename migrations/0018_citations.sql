-- migrate:up

-- What a tool's output shows of the project's files, and what an answer cites; null for other messages, and for those of earlier
-- versions. In the rows of the messages, so that whatever deletes, purges, exports or copies a message takes them along.
alter table messages add column evidence jsonb, add column citations jsonb;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
