-- migrate:up

create table users (
  id uuid primary key,
  name text not null unique,
  -- Version of the user's lists: raised by one per user frame, in the transaction that makes the change.
  version bigint not null default 0,
  created_at timestamptz not null default now()
);

-- A token has 256 random bits, so that an unsalted SHA-256 of it is safe. The token itself is not stored.
create table api_tokens (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  token_hash bytea not null unique,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index api_tokens_by_user on api_tokens (user_id);

create table projects (
  id uuid primary key,
  owner_id uuid not null references users,
  name text not null,
  path text not null,
  last_session_id uuid,
  added_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index projects_by_owner on projects (owner_id, added_at) where deleted_at is null;

create table sessions (
  id uuid primary key,
  project_id uuid not null references projects,
  owner_id uuid not null references users,
  name text,
  auto_named boolean not null default false,
  model text,
  system_prompt text,
  -- Version of the session's structure: raised by one per structural frame, in the transaction that makes the change.
  version bigint not null default 0,
  -- The ordinal of the newest turn. The next ordinal is assigned under the lock of this row.
  last_ordinal integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index sessions_by_project on sessions (project_id, updated_at desc) where deleted_at is null;
create index sessions_by_owner on sessions (owner_id) where deleted_at is null;

create table turns (
  id uuid primary key,
  session_id uuid not null references sessions,
  owner_id uuid not null references users,
  ordinal integer not null,
  status text not null default 'queued'
    check (status in ('queued', 'running', 'cancelling', 'complete', 'failed', 'cancelled')),
  -- The fencing token of every write of a worker: (attempt, nonce) identifies one worker's run.
  attempt integer not null default 0,
  nonce text not null default '0',
  -- Attempts that were spent. Releasing a turn (`hand_backs`) spends none.
  crashes integer not null default 0,
  -- The seq of the newest frame of this attempt whose content is committed.
  last_seq bigint not null default 0,
  worker_id text,
  lease_until timestamptz,
  hand_backs integer not null default 0,
  -- From this time on the reconciler may claim a queued turn; before it, only the queue brings it to a worker.
  due_at timestamptz not null default now(),
  cancel_reason text check (cancel_reason in ('user', 'interrupted', 'messages_deleted', 'session_deleted')),
  cancel_requested_at timestamptz,
  error_code text,
  error text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  unique (session_id, ordinal)
) with (fillfactor = 70);

-- Guarantees one active turn per session, whatever the code does (T7).
create unique index one_active_turn_per_session on turns (session_id) where status in ('running', 'cancelling');
create index queued_turns on turns (due_at) where status = 'queued';
create index queued_turns_of_session on turns (session_id, ordinal) where status = 'queued';
create index leased_turns on turns (lease_until) where status in ('running', 'cancelling');
create index live_turns_by_owner on turns (owner_id) where status in ('queued', 'running', 'cancelling');

create table messages (
  id uuid primary key,
  session_id uuid not null references sessions,
  owner_id uuid not null references users,
  turn_id uuid not null references turns,
  -- The conversation is ordered by (turn_ordinal, position).
  turn_ordinal integer not null,
  position integer not null,
  -- The step of the turn (one model call and its tools); null for the user's message.
  step integer,
  role text not null check (role in ('user', 'assistant', 'tool')),
  content text not null default '',
  reasoning text,
  tool_calls jsonb,
  tool_result jsonb,
  status text not null default 'complete' check (status in ('streaming', 'complete', 'failed', 'cancelled')),
  -- The seq of the newest frame that this text contains.
  last_seq bigint not null default 0,
  finish_reason text,
  error_code text,
  error text,
  model text,
  tokens_used integer,
  ctx_used integer,
  ctx_max integer,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  deleted_at timestamptz
) with (fillfactor = 70);
create unique index messages_in_order on messages (session_id, turn_ordinal, position) where deleted_at is null;
create index messages_by_turn on messages (turn_id);

create table idempotency_keys (
  user_id uuid not null references users on delete cascade,
  key text not null,
  -- SHA-256 of method, path and body, to refuse a different request with the same key.
  request_hash bytea not null,
  answer jsonb not null,
  created_at timestamptz not null default now(),
  primary key (user_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
