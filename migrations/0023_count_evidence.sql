-- migrate:up

-- What users store counts evidence and citations, too. No earlier version has written any.
create function message_bytes(content text, reasoning text, tool_calls jsonb, tool_result jsonb, evidence jsonb, citations jsonb)
returns bigint language sql immutable as $$
  select message_bytes(content, reasoning, tool_calls, tool_result) + coalesce(octet_length(evidence::text), 0)
    + coalesce(octet_length(citations::text), 0)
$$;

create or replace function count_added_messages() returns trigger language plpgsql as $$
begin
  insert into storage_changes (user_id, bytes, day_bytes, day_tool_calls)
  select a.owner_id, a.bytes, a.bytes, a.calls from (
    select owner_id, sum(message_bytes(content, reasoning, tool_calls, tool_result, evidence, citations))::bigint as bytes,
      count(*) filter (where role = 'tool') as calls
    from added where status <> 'streaming' group by owner_id
  ) a;
  return null;
end $$;

create or replace function count_ended_message() returns trigger language plpgsql as $$
declare
  ended constant bigint :=
    message_bytes(new.content, new.reasoning, new.tool_calls, new.tool_result, new.evidence, new.citations);
begin
  insert into storage_changes (user_id, bytes, day_bytes) values (new.owner_id, ended, ended);
  return null;
end $$;

create or replace function count_removed_messages() returns trigger language plpgsql as $$
begin
  insert into storage_changes (user_id, bytes)
  select owner_id, -sum(message_bytes(content, reasoning, tool_calls, tool_result, evidence, citations))
  from removed where status <> 'streaming' group by owner_id;
  return null;
end $$;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
