-- migrate:up

-- The few live turns of the installation are found by `live_turns_by_owner`, and those of a session by the session's count of them and
-- the order of its turns. Each of these indexes cost every claim and end an entry; `leased_turns` and `queued_turns` had a column that
-- heartbeats and new attempts change, so that each of these wrote an entry into every index of the table, too.
drop index queued_turns;
drop index queued_turns_of_session;
drop index leased_turns;
drop index live_turns_by_token;

-- A session's row is rewritten several times a turn. With room in its page, the rewrites that change no indexed column need no entry in
-- an index: a turn writes a seventh less WAL.
alter table sessions set (fillfactor = 80);

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
