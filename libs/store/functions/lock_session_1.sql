-- Locks a session for a change of its structure. A member's role is locked as well, so that it cannot be taken back before the
-- transaction ends: the transaction that takes it back then finds the turn that this one queues.
-- role_seen: the user's role when the statement began; null: the user could not read the session.
-- role is null when there is no such session, or the user is no longer a member.
create function lock_session_1(of_user uuid, of_session uuid, role_seen text, out role text, out session sessions)
language plpgsql volatile set search_path from current as $$
begin
  if role_seen is null then
    return;
  end if;
  select * into session from sessions s where s.id = of_session and s.deleted_at is null for no key update;
  if not found then
    return;
  end if;
  if role_seen = 'owner' then
    role := role_seen;
  else
    -- Read again: the role may have changed while this waited for the session.
    select pm.role into role from project_members pm
      where pm.project_id = session.project_id and pm.user_id = of_user for share;
  end if;
end $$;
