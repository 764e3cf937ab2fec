-- migrate:up

-- Security events. No foreign keys: a row outlives what it names. Services may insert and read, and delete through the function
-- below only.
create table audit_events (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  event text not null,
  -- Who did it: a user; the operator at the command line; the service itself; or somebody without a valid credential.
  actor text not null check (actor in ('user', 'operator', 'service', 'anonymous')),
  actor_id uuid,
  token_id uuid,
  -- Whom and what it concerns.
  user_id uuid,
  project_id uuid,
  -- The address of the peer of a refused request; behind a proxy, that is the proxy.
  address text,
  detail jsonb not null default '{}',
  -- Repeated refusals of a minute share a row: `at` is the first, `last_at` the last.
  count integer not null default 1,
  last_at timestamptz not null default now()
);
create index audit_events_by_user on audit_events (user_id, id);
create index audit_events_by_actor on audit_events (actor_id, id);
create index audit_events_by_age on audit_events (last_at);

-- Deletes up to 5,000 events older than the retention, of which 30 days is the least, so that nobody who took over a service
-- can remove traces. Runs with the rights of its owner, hence the fixed search path.
create function delete_old_audit_events(keep_days integer) returns integer
language sql security definer set search_path from current as $$
  with deleted as (
    delete from audit_events where id in (
      select id from audit_events where last_at < now() - make_interval(days => greatest(keep_days, 30)) limit 5000)
    returning 1
  )
  select count(*)::integer from deleted
$$;
revoke execute on function delete_old_audit_events(integer) from public;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
