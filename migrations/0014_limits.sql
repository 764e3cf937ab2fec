-- migrate:up

-- What an administrator set for one user in place of USER_LIMITS: an object of limits, in which null is no limit.
alter table users add column limits jsonb;

-- What each user has stored, and what was added today (UTC). The triggers below count, so that workers of the version before do, too.
-- Bytes of texts, reasoning, and calls and results of tools; a message counts from its end to its purge.
create table user_storage (
  user_id uuid primary key,
  bytes bigint not null default 0,
  day date not null,
  day_bytes bigint not null default 0,
  day_tool_calls bigint not null default 0
) with (fillfactor = 50);

create function message_bytes(content text, reasoning text, tool_calls jsonb, tool_result jsonb) returns bigint
language sql immutable as $$
  select octet_length(content)::bigint + coalesce(octet_length(reasoning), 0) + coalesce(octet_length(tool_calls::text), 0)
    + coalesce(octet_length(tool_result::text), 0)
$$;

create function add_stored(owner uuid, added bigint, calls bigint) returns void language sql as $$
  insert into user_storage as s (user_id, bytes, day, day_bytes, day_tool_calls)
  values (owner, added, (now() at time zone 'UTC')::date, added, calls)
  on conflict (user_id) do update set bytes = s.bytes + added, day = excluded.day,
    day_bytes = case when s.day = excluded.day then s.day_bytes else 0 end + added,
    day_tool_calls = case when s.day = excluded.day then s.day_tool_calls else 0 end + calls
$$;

-- Once for each statement, because many updates of one row in a transaction become slow.
create function count_added_messages() returns trigger language plpgsql as $$
begin
  perform add_stored(a.owner_id, a.bytes, a.calls) from (
    select owner_id, sum(message_bytes(content, reasoning, tool_calls, tool_result))::bigint as bytes,
      count(*) filter (where role = 'tool') as calls
    from added where status <> 'streaming' group by owner_id order by owner_id
  ) a;
  return null;
end $$;
create trigger count_added after insert on messages referencing new table as added for each statement
  execute function count_added_messages();

-- A draft, which is rewritten several times a second, is not counted.
create function count_ended_message() returns trigger language plpgsql as $$
begin
  perform add_stored(new.owner_id, message_bytes(new.content, new.reasoning, new.tool_calls, new.tool_result), 0);
  return null;
end $$;
create trigger count_ended after update of status on messages for each row
  when (old.status = 'streaming' and new.status <> 'streaming') execute function count_ended_message();

create function count_removed_messages() returns trigger language plpgsql as $$
begin
  -- In one order, because a batch of the purge has messages of many users.
  perform from user_storage where user_id in (select owner_id from removed) order by user_id for no key update;
  update user_storage s set bytes = greatest(s.bytes - r.bytes, 0)
  from (
    select owner_id, sum(message_bytes(content, reasoning, tool_calls, tool_result)) as bytes
    from removed where status <> 'streaming' group by owner_id
  ) r where s.user_id = r.owner_id;
  return null;
end $$;
create trigger count_removed after delete on messages referencing old table as removed for each statement
  execute function count_removed_messages();

insert into user_storage (user_id, bytes, day)
select owner_id, sum(message_bytes(content, reasoning, tool_calls, tool_result)), (now() at time zone 'UTC')::date
from messages where status <> 'streaming' group by owner_id;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
