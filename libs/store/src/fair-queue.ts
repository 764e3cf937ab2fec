import type { Fragment, Sql } from "./sql.ts";

/**
 * A turn that was claimed before and is due later pauses before another attempt. One that was never claimed may be claimed at
 * once: until it is due, only the reconcilers leave it to the queue.
 */
export const isPausing = (sql: Sql) => sql`(t.attempt > 0 and t.due_at > now())`;

/**
 * The queued turns that are the next of their session and for which `condition` on `t` holds, ordered by (`share`, `due_at`):
 * the next slot goes to the user who holds fewest, and among equals to the turn that has been due longest. `share` is the number
 * of slots that the user holds together with this turn and the user's earlier ones (`nth` of them here), so that claims of several
 * turns, or at the same moment, when they skip each other's turns, also alternate between users. One pass over the live turns,
 * whose number it is linear in.
 */
export const fairQueue = (sql: Sql, condition: Fragment) => sql`
  select id, owner_id, session_id, ordinal, due_at, held + nth as share, nth
  from (select t.id, t.owner_id, t.session_id, t.ordinal, t.due_at, t.held, row_number() over (partition by t.owner_id order by t.due_at, t.id) as nth from (
    select t.*, t.ordinal = min(t.ordinal) over (partition by t.session_id) as is_next,
      count(*) filter (where t.status <> 'queued') over (partition by t.owner_id) as held
    from turns t where t.status in ('queued', 'running', 'cancelling')
  ) t
  where t.status = 'queued' and t.is_next and ${condition}) waiting`;
