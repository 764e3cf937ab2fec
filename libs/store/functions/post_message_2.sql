-- Stores a user's message and a queued turn (T8), or says why not. Arguments and results: see admit_turn_1 and queue_turn_1.
-- withdrawn: the turns that an interrupt ended. ahead: the live turns before the new one.
create function post_message_2(
  asker uuid, of_session uuid, may_act boolean, role_seen text, rights jsonb, when_busy text, checked_models text[], limits jsonb,
  request_key text, request_hash bytea,
  token uuid, new_turn uuid, new_message uuid, new_content text, head_start interval,
  out refusal text, out detail jsonb, out role text, out answer jsonb,
  out session sessions, out message messages, out list_version bigint, out withdrawn uuid[])
language plpgsql volatile set search_path from current as $$
declare
  admitted record;
  queued record;
  hints jsonb;
begin
  select * into admitted from admit_turn_1(
    asker, of_session, may_act, role_seen, rights, when_busy, checked_models, limits, request_key, request_hash);
  refusal := admitted.refusal;
  detail := admitted.detail;
  role := admitted.role;
  session := admitted.session;
  answer := admitted.answer;
  if refusal is not null or answer is not null then
    return;
  end if;
  withdrawn := '{}';
  hints := '[]';
  if admitted.interrupted is not null then
    select coalesce(array_agg(c.id) filter (where c.status = 'cancelled'), '{}'),
        coalesce(jsonb_agg(jsonb_build_object('kind', 'turn_cancelling', 'turnId', c.id)) filter (where c.status = 'cancelling'), '[]')
      into withdrawn, hints from cancel_turns_1(admitted.interrupted, 'interrupted') c;
  end if;
  select * into queued from queue_turn_1(
    'posted', asker, token, of_session, new_turn, new_message, new_content,
    admitted.live_of_asker, hints, cardinality(withdrawn), head_start, request_key, request_hash);
  answer := queued.answer;
  session := queued.session;
  message := queued.message;
  list_version := queued.list_version;
end $$;
