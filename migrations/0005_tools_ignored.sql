-- migrate:up

-- Set when the session's model was found not to see the tools: { "model": …, "reason": "template" | "server" }.
alter table sessions add column tools_ignored jsonb;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
