-- migrate:up

-- In the lock order of the services. Nothing is posted, claimed or ended while the live turns are counted; they are few.
lock table sessions in exclusive mode;
lock table turns in share row exclusive mode;

-- Triggers count, so that services of the version before do, too. A session's turn is added and ends under the lock of the session's
-- row, so that none waits here.
create function count_live_turn() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    update sessions set live_turns = live_turns - 1 where id = old.session_id;
  elsif tg_op = 'UPDATE' and new.status not in ('queued', 'running', 'cancelling') then
    update sessions set live_turns = live_turns - 1 where id = new.session_id;
  else
    update sessions set live_turns = live_turns + 1 where id = new.session_id;
  end if;
  return null;
end $$;
create trigger count_added after insert on turns for each row
  when (new.status in ('queued', 'running', 'cancelling')) execute function count_live_turn();
create trigger count_ended after update of status on turns for each row
  when ((old.status in ('queued', 'running', 'cancelling')) <> (new.status in ('queued', 'running', 'cancelling')))
  execute function count_live_turn();
create trigger count_removed after delete on turns for each row
  when (old.status in ('queued', 'running', 'cancelling')) execute function count_live_turn();

update sessions s set live_turns = live.count
from (
  select session_id, count(*) from turns where status in ('queued', 'running', 'cancelling') group by session_id
) live
where s.id = live.session_id;

-- Migrations only go forward: another migration undoes a change.
-- migrate:down
