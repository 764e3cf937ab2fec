-- migrate:up

-- The number of attempts that ended with the death of the worker. A turn that may have caused it (a poison candidate) runs its
-- last attempt in a process of its own.
alter table turns add column worker_deaths integer not null default 0;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
