-- migrate:up

-- Who a user is at an identity provider: the pair of issuer and subject, never an e-mail address, which can change hands. The
-- row stays when its user is deleted, so that a deleted user does not come back by signing in.
create table user_identities (
  issuer text not null,
  subject text not null,
  user_id uuid not null references users on delete cascade,
  created_at timestamptz not null default now(),
  primary key (issuer, subject)
);
create index user_identities_by_user on user_identities (user_id);

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
