-- migrate:up

-- What the model calls of a turn have used so far, of all its attempts: a list of UsageEntry. The transaction that ends the turn
-- writes it into `usage`.
alter table turns add column usage jsonb not null default '[]';
-- Whether `usage` includes the open message's call. If not, and its worker dies, the call is estimated from the draft.
alter table turns add column usage_has_draft boolean not null default false;

-- One row per turn, or run of naming, and kind and model. It outlives what it refers to, so it has no foreign keys.
create table usage (
  -- The turn; an id of its own for a run of naming.
  id uuid not null,
  -- answer: replies that the conversation shows. broken: replies that it does not. naming: requests for a session's name.
  kind text not null check (kind in ('answer', 'broken', 'naming')),
  model text not null,
  -- In UTC: when the turn ended, or the session was named.
  day date not null,
  user_id uuid not null,
  session_id uuid not null,
  project_id uuid not null,
  project_name text not null,
  calls integer not null,
  prompt_tokens bigint not null,
  -- The part of the prompt's tokens that the model server had in its cache.
  cached_tokens bigint not null,
  answer_tokens bigint not null,
  -- The part of the answer's tokens that is reasoning, where the model server counts it.
  reasoning_tokens bigint not null,
  -- The part of prompt and answer that no model server counted.
  estimated_tokens bigint not null,
  primary key (id, kind, model)
);
create index usage_by_user on usage (user_id, day);
create index usage_by_day on usage (day);

-- The replies that earlier versions committed: those of ended turns are counted here, those of live turns when they end.
with replies as (
  select m.turn_id, left(coalesce(m.context->>'model', m.model, 'default'), 200) as model, count(*) as calls,
    sum(greatest(coalesce(m.ctx_used, 0) - coalesce(m.tokens_used, 0), 0)) as prompt_tokens,
    sum(coalesce(m.tokens_used, 0)) as answer_tokens
  from messages m
  where m.role = 'assistant' and m.status = 'complete' and (m.tokens_used is not null or m.ctx_used is not null)
  group by 1, 2
), counted as (
  insert into usage
  select t.id, 'answer', r.model, (t.finished_at at time zone 'UTC')::date, t.owner_id, s.id, p.id, p.name, r.calls,
    r.prompt_tokens, 0, r.answer_tokens, 0, 0
  from replies r join turns t on t.id = r.turn_id join sessions s on s.id = t.session_id join projects p on p.id = s.project_id
  where t.finished_at is not null
), live as (
  select r.turn_id, jsonb_agg(jsonb_build_object('kind', 'answer', 'model', r.model, 'calls', r.calls, 'prompt_tokens',
    r.prompt_tokens, 'cached_tokens', 0, 'answer_tokens', r.answer_tokens, 'reasoning_tokens', 0, 'estimated_tokens', 0)) as usage
  from replies r join turns t on t.id = r.turn_id where t.finished_at is null group by 1
)
update turns set usage = live.usage from live where turns.id = live.turn_id;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
