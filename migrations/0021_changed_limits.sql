-- migrate:up

-- Gateways look at the connections of a user whose limits or role were changed, as they do when access ended.
create trigger limits_changed after update of limits, role on users for each row
  when (new.limits is distinct from old.limits or new.role is distinct from old.role)
  execute function note_ended_access('id');

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
