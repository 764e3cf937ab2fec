import { readMarkedText } from "./marked-text.ts";
import type { System } from "./start-system.ts";
import type { Viewer } from "./viewer.ts";

/** Resolves once every turn has ended. @throws when one has not within `ms` (T9) */
export async function untilAllEnded(system: System, ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (;;) {
    const rows = await system.sql<{ id: string; status: string }[]>`
      select id, status from turns where status in ('queued', 'running', 'cancelling') limit 5`.catch(() => null);
    if (rows?.length === 0) return;
    if (performance.now() > until) throw new Error(`T9: turns that do not end: ${JSON.stringify(rows)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * What must be true of Postgres once every turn has ended, whatever was done to the system.
 * @returns the broken invariants, in words
 */
export async function brokenInvariants(
  system: System,
  options: { maxAttempts?: number; marked?: boolean } = {},
): Promise<string[]> {
  const { maxAttempts = 3, marked = true } = options;
  const { sql } = system;
  const broken: string[] = [];
  const say = (name: string, rows: readonly unknown[]) => {
    if (rows.length > 0) broken.push(`${name}: ${JSON.stringify(rows.slice(0, 3))}`);
  };
  say("T1 not ended", await sql`select id, status from turns where status not in ('complete', 'failed', 'cancelled')`);
  say("T1 ended without a time", await sql`select id from turns where finished_at is null`);
  say(
    "T2 a step twice",
    await sql`
    select turn_id, step from messages where role = 'assistant' and deleted_at is null
    group by turn_id, step having count(*) > 1`,
  );
  say(
    "T3 complete without an answer",
    await sql`
    select t.id from turns t where t.status = 'complete' and not exists (
      select from messages m where m.turn_id = t.id and m.role = 'assistant' and m.status = 'complete')
      and exists (select from messages q where q.turn_id = t.id and q.deleted_at is null)`,
  );
  say(
    "T3 a message still streams",
    await sql`
    select id from messages where status = 'streaming' and deleted_at is null`,
  );
  say(
    "T3 message and turn disagree",
    await sql`
    select m.id, m.status, t.status as turn from messages m join turns t on t.id = m.turn_id
    where m.deleted_at is null and m.role = 'assistant' and m.position = (
      select max(position) from messages l where l.turn_id = t.id and l.deleted_at is null and l.role = 'assistant')
      and m.status <> t.status
      -- Between two steps no message is open: the last one is a whole step, with its calls and their answers.
      and not (m.status = 'complete' and m.tool_calls is not null and t.status in ('failed', 'cancelled'))`,
  );
  say(
    "T5 too many attempts",
    await sql`
    select id, attempt, crashes, hand_backs from turns
    where crashes > ${maxAttempts} or attempt > 1 + crashes + hand_backs + (case when error_code = 'attempts_exhausted'
      or cancel_reason is not null then 1 else 0 end)`,
  );
  say(
    "T6 a question twice",
    await sql`
    select turn_id from messages where role = 'user' group by turn_id having count(*) > 1`,
  );
  say(
    "the ordinals have a hole",
    await sql`
    select s.id from sessions s join turns t on t.session_id = s.id group by s.id, s.last_ordinal
    having count(*) <> s.last_ordinal`,
  );
  if (marked) {
    const rows = await sql<{ id: string; content: string; question: string; status: string }[]>`
      select m.id, m.content, q.content as question, t.status from messages m
      join turns t on t.id = m.turn_id join messages q on q.turn_id = t.id and q.role = 'user'
      where m.role = 'assistant' and m.deleted_at is null`;
    for (const row of rows) {
      try {
        const { words } = readMarkedText(row.content);
        const wanted = /"tokens":(\d+)/.exec(row.question)?.[1];
        const whole = row.status === "complete" && wanted !== undefined && !/tool_depth/.test(row.question);
        if (whole && words !== Number(wanted)) broken.push(`T3 message ${row.id} has ${words} of ${wanted} words`);
      } catch (error) {
        broken.push(`T4 message ${row.id}: ${(error as Error).message}`);
      }
    }
  }
  return broken;
}

/** D4, D7: once the faults stop, every viewer shows exactly what is stored. Waits for it as long as the goal allows. */
export async function viewersAgree(system: System, viewers: readonly Viewer[], ms = 15_000): Promise<string[]> {
  const broken: string[] = [];
  for (const viewer of viewers) {
    broken.push(...viewer.broken);
    const { sessionId } = viewer.follower.view;
    const stored = await system.sql<{ id: string; content: string; status: string }[]>`
      select id, content, status from messages where session_id = ${sessionId} and deleted_at is null
      order by turn_ordinal, position`;
    const truth = JSON.stringify(stored.map(({ id, content, status }) => [id, content, status]));
    const shown = () =>
      JSON.stringify(viewer.follower.view.messages.map(({ id, content, status }) => [id, content, status]));
    await viewer.follower
      .until(() => shown() === truth, AbortSignal.timeout(ms))
      .catch(() => {
        broken.push(`D7: session ${sessionId} shows ${shown().slice(0, 600)} and is ${truth.slice(0, 600)}`);
      });
  }
  return broken;
}
