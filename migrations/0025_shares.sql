-- migrate:up

-- Links to sessions up to a turn. Nothing is copied: a share shows what of these turns is left. Whether a share is live is a predicate of
-- access.ts; what ends it for good is written here.
create table shares (
  id uuid primary key,
  session_id uuid not null references sessions on delete cascade,
  -- Who shares.
  user_id uuid not null references users on delete cascade,
  -- SHA-256 of the link's token, which has 256 random bits and is not stored.
  token_hash bytea not null unique,
  through_turn integer not null,
  audience text not null check (audience in ('signed_in', 'anyone')),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  -- Revoked, or ended because the user lost access, and was disabled or deleted.
  revoked_at timestamptz
);
create index shares_by_user on shares (user_id) where revoked_at is null;
create index shares_by_session on shares (session_id);
create index shares_to_purge on shares (least(expires_at, revoked_at));

-- Triggers, so that services of the version before and the operator end shares, too. An access that comes back brings none back.
create function end_shares_of_member() returns trigger language plpgsql as $$
begin
  update shares h set revoked_at = now() from sessions s
  where h.user_id = old.user_id and h.revoked_at is null and s.id = h.session_id and s.project_id = old.project_id;
  return null;
end $$;
create trigger shares_ended after delete on project_members for each row execute function end_shares_of_member();

create function end_shares_of_user() returns trigger language plpgsql as $$
begin
  update shares set revoked_at = now() where user_id = new.id and revoked_at is null;
  return null;
end $$;
create trigger shares_ended after update of disabled_at, deleted_at on users for each row
  when (new.disabled_at is not null or new.deleted_at is not null) execute function end_shares_of_user();

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
