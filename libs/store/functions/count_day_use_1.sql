-- What a user has used today (UTC): finished calls, and those of the live turns.
create function count_day_use_1(of_user uuid)
returns table (tokens_per_day bigint, tool_calls_per_day bigint, bytes_per_day bigint)
language sql stable
begin atomic
  with stored as (
    select day, day_tool_calls, day_bytes from user_storage where user_id = of_user
    union all select day, day_tool_calls, day_bytes from storage_changes where user_id = of_user)
  select
    (coalesce((select sum(prompt_tokens + answer_tokens) from usage
        where user_id = of_user and day = (now() at time zone 'UTC')::date), 0)
      + coalesce((select sum((entry->>'prompt_tokens')::bigint + (entry->>'answer_tokens')::bigint)
        from turns t, jsonb_array_elements(t.usage) entry
        where t.owner_id = of_user and t.status in ('queued', 'running', 'cancelling')), 0))::bigint,
    coalesce(sum(day_tool_calls), 0)::bigint,
    coalesce(sum(day_bytes), 0)::bigint
  from stored where day = (now() at time zone 'UTC')::date;
end;
