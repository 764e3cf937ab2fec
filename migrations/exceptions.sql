-- What the services may do with single tables and functions, where it differs from the rest. At its end, each time, `migrate` gives
-- their role, :"services", select, insert, update and delete on every table, and then runs this file.

-- Nobody who took over a service can change or remove traces; see 0010_audit.sql.
revoke update, delete on audit_events from :"services";
grant execute on function delete_old_audit_events(integer) to :"services";
