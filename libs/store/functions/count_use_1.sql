-- What a new turn of a user counts towards. To add something within a limit, take the user's lock in an earlier statement.
create function count_use_1(of_user uuid)
returns table (
  turns_waiting bigint, turns_running bigint, stored_bytes bigint,
  tokens_per_day bigint, tool_calls_per_day bigint, bytes_per_day bigint)
language sql stable
begin atomic
  select live.waiting, live.running,
    greatest(coalesce((select bytes from user_storage where user_id = of_user), 0)
      + coalesce((select sum(bytes) from storage_changes where user_id = of_user), 0), 0)::bigint,
    today.tokens_per_day, today.tool_calls_per_day, today.bytes_per_day
  from count_day_use_1(of_user) today, (
    -- One predicate that only the index of a user's live turns fits.
    select count(*) filter (where status = 'queued') as waiting, count(*) filter (where status <> 'queued') as running
    from turns where owner_id = of_user and status in ('queued', 'running', 'cancelling')) live;
end;
