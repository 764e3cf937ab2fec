-- migrate:up

-- What is searched: questions, answers and names of sessions. Workers write the words of a text some moments after its commit, in
-- batches, so that a write neither waits for it nor fails by it. What a text holds and who may read it is decided by the rows of
-- messages, sessions and projects alone: an entry here only says where to look.

-- Texts whose words are not written yet; searches read these texts themselves. Triggers add them, so that services of the version
-- before do, too. Without an index, for it is nearly empty.
create table search_queue (
  session_id uuid not null,
  -- null: the session's name.
  message_id uuid,
  -- Of the time before this table: such texts come after those that are new.
  is_old boolean not null default false
);

-- The texts of a project in groups, about in the order of time, so that a search for what is new needs to look at few, and its time
-- depends on neither other users nor how often a word occurs.
create table search_blocks (
  id bigint generated always as identity primary key,
  project_id uuid not null references projects on delete cascade,
  texts integer not null,
  -- The times of its oldest and newest text.
  first_at timestamptz not null,
  last_at timestamptz not null
);
create index search_blocks_by_project on search_blocks (project_id);

create table search_words (
  block bigint not null,
  session_id uuid not null,
  -- null: the session's name.
  message_id uuid references messages on delete cascade,
  -- When the message was created; of a name, the session.
  at timestamptz not null,
  -- Each begins with its block.
  words tsvector not null
);
create unique index search_words_by_message on search_words (message_id) where message_id is not null;
create unique index search_words_by_name on search_words (session_id) where message_id is null;
-- Without a list of pending entries, which each search would have to read.
create index search_words_by_word on search_words using gin (words) with (fastupdate = off);

create function queue_message_for_search() returns trigger language plpgsql as $$
begin
  insert into search_queue (session_id, message_id) values (new.session_id, new.id);
  return null;
end $$;
create trigger search_added after insert on messages for each row
  when (new.role <> 'tool' and new.status <> 'streaming') execute function queue_message_for_search();
create trigger search_ended after update of status on messages for each row
  when (new.role <> 'tool' and old.status = 'streaming' and new.status <> 'streaming') execute function queue_message_for_search();

create function queue_name_for_search() returns trigger language plpgsql as $$
begin
  insert into search_queue (session_id) values (new.id);
  return null;
end $$;
create trigger search_added after insert on sessions for each row
  when (new.name is not null) execute function queue_name_for_search();
create trigger search_named after update of name on sessions for each row
  when (new.name is distinct from old.name) execute function queue_name_for_search();

-- The projects that have texts of the time before, and the last session whose texts were queued. Workers go on from there.
create table search_backfill (
  project_id uuid primary key references projects on delete cascade,
  session_at timestamptz,
  session_id uuid
);
insert into search_backfill (project_id) select id from projects where deleted_at is null;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
