-- migrate:up

-- The user who asked, where that is not the message's owner: a fork's messages belong to the user who made it, against whose limits they
-- count. No foreign key: users stay, and each deletion would look for them here. Null for all that is not copied.
alter table messages add column author_id uuid;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
