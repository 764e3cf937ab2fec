-- Adds an admitted turn to its session, with its question, and numbers the changes. The caller has called admit_turn_1, and takes
-- no lock after this: it locks the project, for which every change in the project waits.
--   kind: `posted`, or `regenerated`: then new_message is the question of an earlier turn, which moves to this one.
--   hints: those of the caller's other changes. frames: how many structural frames state these.
-- Returns what repeated requests are answered, and the rows as they are now.
create function queue_turn_1(
  kind text, asker uuid, token uuid, of_session uuid, new_turn uuid, new_message uuid, new_content text,
  live_of_asker bigint, hints jsonb, frames integer, head_start interval, request_key text, request_hash bytea,
  out answer jsonb, out session sessions, out message messages, out list_version bigint)
language plpgsql volatile set search_path from current as $$
declare
  next_ordinal constant integer := (select s.last_ordinal + 1 from sessions s where s.id = of_session);
begin
  insert into turns (id, session_id, owner_id, token_id, ordinal, due_at)
    values (new_turn, of_session, asker, token, next_ordinal, now() + head_start);
  if kind = 'posted' then
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
      values (new_message, of_session, asker, new_turn, next_ordinal, 0, 'user', new_content)
      returning * into message;
  else
    update messages m set turn_id = new_turn, turn_ordinal = next_ordinal where m.id = new_message
      returning m.* into message;
  end if;
  update sessions s set last_ordinal = next_ordinal, version = s.version + frames + 2, updated_at = now()
    where s.id = of_session returning s.* into session;
  answer := jsonb_build_object('kind', kind, 'turnId', new_turn,
    'message', jsonb_build_object('id', message.id, 'session_id', of_session, 'turn_ordinal', next_ordinal),
    'version', session.version,
    'changes', hints || jsonb_build_object('kind', 'turn_due', 'turnId', new_turn, 'liveTurnsOfUser', live_of_asker));
  if request_key is not null then
    insert into idempotency_keys (user_id, key, request_hash, answer)
      values (asker, request_key, queue_turn_1.request_hash, queue_turn_1.answer);
  end if;
  update projects p set version = p.version + 1, last_session_id = of_session where p.id = session.project_id
    returning p.version into list_version;
end $$;
