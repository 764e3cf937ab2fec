-- migrate:up

-- What an administrator set for one user in place of USER_LIMITS: an object of limits, in which null is no limit.
alter table users add column limits jsonb;

-- What each user has stored, and what was added on a day (UTC). The triggers below count, so that workers of the version before do,
-- too. Bytes of texts, reasoning, and calls and results of tools; a message counts from its end to its purge.
create table user_storage (
  user_id uuid primary key,
  bytes bigint not null default 0,
  day date not null,
  day_bytes bigint not null default 0,
  day_tool_calls bigint not null default 0
);

-- What is not yet added to user_storage, which workers do from time to time. Only inserted, because transactions of one user would
-- otherwise wait for each other, from their first message to their commit.
create table storage_changes (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  -- Negative for what was purged, which takes nothing from its day.
  bytes bigint not null,
  day date not null default (now() at time zone 'UTC')::date,
  day_bytes bigint not null default 0,
  day_tool_calls bigint not null default 0
);
create index storage_changes_by_user on storage_changes (user_id);

create function message_bytes(content text, reasoning text, tool_calls jsonb, tool_result jsonb) returns bigint
language sql immutable as $$
  select octet_length(content)::bigint + coalesce(octet_length(reasoning), 0) + coalesce(octet_length(tool_calls::text), 0)
    + coalesce(octet_length(tool_result::text), 0)
$$;

create function count_added_messages() returns trigger language plpgsql as $$
begin
  insert into storage_changes (user_id, bytes, day_bytes, day_tool_calls)
  select a.owner_id, a.bytes, a.bytes, a.calls from (
    select owner_id, sum(message_bytes(content, reasoning, tool_calls, tool_result))::bigint as bytes,
      count(*) filter (where role = 'tool') as calls
    from added where status <> 'streaming' group by owner_id
  ) a;
  return null;
end $$;
create trigger count_added after insert on messages referencing new table as added for each statement
  execute function count_added_messages();

-- A draft, which is rewritten several times a second, is not counted.
create function count_ended_message() returns trigger language plpgsql as $$
declare
  ended constant bigint := message_bytes(new.content, new.reasoning, new.tool_calls, new.tool_result);
begin
  insert into storage_changes (user_id, bytes, day_bytes) values (new.owner_id, ended, ended);
  return null;
end $$;
create trigger count_ended after update of status on messages for each row
  when (old.status = 'streaming' and new.status <> 'streaming') execute function count_ended_message();

create function count_removed_messages() returns trigger language plpgsql as $$
begin
  insert into storage_changes (user_id, bytes)
  select owner_id, -sum(message_bytes(content, reasoning, tool_calls, tool_result))
  from removed where status <> 'streaming' group by owner_id;
  return null;
end $$;
create trigger count_removed after delete on messages referencing old table as removed for each statement
  execute function count_removed_messages();

insert into user_storage (user_id, bytes, day)
select owner_id, sum(message_bytes(content, reasoning, tool_calls, tool_result)), (now() at time zone 'UTC')::date
from messages where status <> 'streaming' group by owner_id;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
