-- Decides whether a new turn may be queued, and takes the locks under which that stays true. Writes nothing.
--   may_act: whether the credential could be used when the statement began.
--   role_seen: see lock_session_1. rights: by right, the roles that have it.
--   checked_models: those of a session that the asker may use; null: all.
--   limits: what the asker may have, [{"limit": a column of count_use_1, "most": …}].
--   request_key: the Idempotency-Key; null: none.
-- Returns one of
--   refusal: `unauthenticated`, `key_reused`, `not_found`, `forbidden`, `model_unchecked` or `busy`, or `quota_exceeded` with detail;
--   answer: what the first request with this key was answered;
--   session: locked, with the locked turns that an interrupt cancels, and the asker's live turns with the new one.
create function admit_turn_1(
  asker uuid, of_session uuid, may_act boolean, role_seen text, rights jsonb, when_busy text, checked_models text[], limits jsonb,
  request_key text, request_hash bytea,
  out refusal text, out detail jsonb, out answer jsonb,
  out session sessions, out role text, out interrupted uuid[], out live_of_asker bigint)
language plpgsql volatile set search_path from current as $$
declare
  locked record;
  known record;
  used record;
  own_waiting bigint := 0;
  is_permitted boolean;
begin
  if not may_act then
    refusal := 'unauthenticated';
    return;
  end if;
  if request_key is not null then
    -- In a statement of its own: of two requests with one key, the second then reads the answer of the first.
    perform pg_advisory_xact_lock(hashtextextended(asker || ' ' || request_key, 0));
    select k.request_hash = admit_turn_1.request_hash as is_same, k.answer into known
      from idempotency_keys k where k.user_id = asker and k.key = request_key;
    if found then
      refusal := case when not known.is_same then 'key_reused' end;
      answer := known.answer;
      return;
    end if;
  end if;

  select * into locked from lock_session_1(asker, of_session, role_seen);
  role := locked.role;
  session := locked.session;
  refusal := case
    when role is null then 'not_found'
    when not rights->'ask' ? role then 'forbidden'
    when session.model is not null and session.model <> all(checked_models) then 'model_unchecked'
    when when_busy = 'reject' and session.live_turns > 0 then 'busy' end;
  if refusal is not null then
    return;
  end if;

  if when_busy = 'interrupt' then
    select array_agg(t.id), count(*) filter (where t.owner_id = asker and t.status = 'queued'),
        bool_and(rights->case when t.owner_id = asker then 'cancel own turn' else 'cancel any turn' end ? role)
      into interrupted, own_waiting, is_permitted from (
        select * from turns where id in (
          select live.id from turns live
          where live.session_id = of_session and live.status collate "C" in ('queued', 'running', 'cancelling')
          order by live.ordinal desc limit session.live_turns)
        and status collate "C" in ('queued', 'running') order by id for no key update) t;
    if not is_permitted then
      refusal := 'forbidden';
      return;
    end if;
  end if;

  -- In a statement of its own: of two turns at the limit's edge, the second counts the first.
  if jsonb_array_length(limits) > 0 then
    perform pg_advisory_xact_lock(hashtextextended('limits ' || asker, 0));
  end if;
  select * into used from count_use_1(asker);
  used.turns_waiting := used.turns_waiting - own_waiting;
  select l.value || jsonb_build_object('used', to_jsonb(used)->(l.value->>'limit')) into detail
    from jsonb_array_elements(limits) with ordinality l
    where (to_jsonb(used)->>(l.value->>'limit'))::bigint >= (l.value->>'most')::bigint
    order by l.ordinality limit 1;
  refusal := case when detail is not null then 'quota_exceeded' end;
  live_of_asker := used.turns_waiting + used.turns_running + 1;
end $$;
