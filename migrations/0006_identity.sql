-- migrate:up

-- Names a user's folder below USER_ROOTS. Stored, because a name or a sign-in can change; unique also among deleted users, whose
-- rows stay, so that nobody inherits a folder.
alter table users add column slug text unique check (slug ~ '^[a-z0-9][a-z0-9-]*$');
with named as (
  select id, created_at,
    coalesce(nullif(trim(both '-' from left(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), 40)), ''), 'user') as slug
  from users
), numbered as (
  select id, slug, row_number() over (partition by slug order by created_at, id) as number from named
)
update users set slug = n.slug || case when n.number = 1 then '' else '-' || replace(n.id::text, '-', '') end
from numbered n where n.id = users.id;
alter table users alter column slug set not null;

alter table users add column role text not null default 'user' check (role in ('user', 'admin'));
alter table users add column disabled_at timestamptz;
alter table users add column deleted_at timestamptz;

-- Tokens from before this migration have no name, the scopes `read` and `ask`, and no expiry.
alter table api_tokens add column name text;
alter table api_tokens add column scopes text[] not null default '{read,ask}'
  check (scopes <@ array['read', 'ask', 'admin']);
alter table api_tokens add column expires_at timestamptz;
alter table api_tokens add column last_used_at timestamptz;

-- The token with which the turn was posted, whose revocation cancels the turn. Not a foreign key: a turn outlives its token.
alter table turns add column token_id uuid;
create index live_turns_by_token on turns (token_id) where status in ('queued', 'running', 'cancelling');

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
