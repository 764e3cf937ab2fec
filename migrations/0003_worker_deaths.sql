-- migrate:up

-- How many of a turn's spent attempts ended because its worker died. A turn that may be the cause of that is run apart from
-- others before it is given up.
alter table turns add column worker_deaths integer not null default 0;

-- Forward only: a change is undone by another migration.
-- migrate:down
