-- Cancels those of the turns that are queued or running. The caller has locked their sessions and checked the right.
create function cancel_turns_1(turn_ids uuid[], reason text) returns table (id uuid, status text)
language sql volatile
begin atomic
  update turns t set
    status = case when t.status = 'queued' and t.attempt = 0 then 'cancelled' else 'cancelling' end,
    cancel_reason = reason,
    cancel_requested_at = now(),
    -- A queued turn that was claimed before has frames and perhaps a partial message, so its end must be appended. Only the
    -- holder of its next attempt may do that: the expired lease lets the next reconciler take it over.
    lease_until = case t.status when 'queued' then now() else t.lease_until end,
    finished_at = case when t.status = 'queued' and t.attempt = 0 then now() end
  where t.id = any(turn_ids) and t.status collate "C" in ('queued', 'running')
  returning t.id, t.status;
end;
