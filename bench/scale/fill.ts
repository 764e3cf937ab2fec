import { randomUUID } from "node:crypto";
import type { Pool } from "@boocode/store";

/** A user with a sixteenth of all sessions in one project, and one session with 21,000 messages in it. */
export interface Large {
  userId: string;
  projectId: string;
  sessionId: string;
}

const MESSAGES = 21_000;
const TURNS = 700;

/** Fills a database by SQL: users with 16 sessions each, of 3 ended turns and 10 messages. */
export async function fill(sql: Pool, sessions: number): Promise<Large> {
  const large = { userId: randomUUID(), projectId: randomUUID(), sessionId: randomUUID() };
  await sql`insert into users (id, name, slug) values (${large.userId}, 'large', 'large')`;
  await sql`insert into projects (id, owner_id, name, path) values (${large.projectId}, ${large.userId}, 'p', '/p')`;
  await sql`
    with u as (
      insert into users (id, name, slug)
      select id, id, 'u-' || id from (select gen_random_uuid() as id from generate_series(1, ${Math.ceil(sessions / 16)}::int)) ids
      returning id)
    insert into projects (id, owner_id, name, path) select gen_random_uuid(), id, 'p', '/p' from u`;
  await sql`
    insert into api_tokens (id, user_id, token_hash) select gen_random_uuid(), id, decode(md5(id::text), 'hex') from users`;
  await sql`insert into user_identities (issuer, subject, user_id) select 'i', id, id from users`;
  await sql`
    insert into project_members (project_id, user_id, role)
    select p.id, u.id, 'member' from (select id, row_number() over () as at from projects) p
    join (select id, row_number() over () as at, count(*) over () as users from users) u on u.at in (p.at % users + 1, (p.at + 7) % users + 1)`;
  // In pieces, so that a failure shows early and no transaction is long.
  const piece = 20_000;
  for (let done = 0; done < sessions; done += piece) await addSessions(sql, large, Math.min(piece, sessions - done));
  await sql`
    insert into sessions (id, project_id, owner_id, last_ordinal) values (${large.sessionId}, ${large.projectId}, ${large.userId}, ${TURNS})`;
  await sql`
    insert into turns (id, session_id, owner_id, ordinal, status, attempt, finished_at)
    select gen_random_uuid(), ${large.sessionId}, ${large.userId}, n, 'complete', 1, now() from generate_series(1, ${TURNS}::int) n`;
  await sql`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content)
    select gen_random_uuid(), t.session_id, t.owner_id, t.id, t.ordinal, n, n,
      case when n = 0 then 'user' when n % 2 = 1 then 'assistant' else 'tool' end, repeat('text ', 60)
    from turns t, generate_series(0, ${MESSAGES / TURNS - 1}::int) n where t.session_id = ${large.sessionId}`;
  await sql`
    insert into idempotency_keys (user_id, key, request_hash, answer, created_at)
    select ${large.userId}, n::text, '', '{}', now() - n * interval '1 minute' from generate_series(1, ${Math.min(sessions, 200_000)}::int) n`;
  return large;
}

async function addSessions(sql: Pool, large: Large, count: number): Promise<void> {
  await sql`
    with p as materialized (
      select id, owner_id, row_number() over () - 1 as at from projects where id <> ${large.projectId} order by random() limit 2000
    ), s as (
      insert into sessions (id, project_id, owner_id, name, last_ordinal, updated_at)
      select gen_random_uuid(), case when n % 16 = 0 then ${large.projectId}::uuid else p.id end,
        case when n % 16 = 0 then ${large.userId}::uuid else p.owner_id end, 'a name', 3, now() - random() * interval '1 year'
      from generate_series(1, ${count}::int) n join p on p.at = n % (select count(*) from p)
      returning id, owner_id, updated_at
    ), t as (
      insert into turns (id, session_id, owner_id, ordinal, status, attempt, created_at, due_at, finished_at)
      select gen_random_uuid(), s.id, s.owner_id, n, case when random() < 0.95 then 'complete' else 'failed' end, 1,
        s.updated_at, s.updated_at, s.updated_at
      from s, generate_series(1, 3) n returning id, session_id, owner_id, ordinal, created_at)
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content, created_at)
    select gen_random_uuid(), t.session_id, t.owner_id, t.id, t.ordinal, n, n,
      case when n = 0 then 'user' when n % 2 = 1 then 'assistant' else 'tool' end, repeat('text ', 30), t.created_at
    from t, generate_series(0, case when t.ordinal = 1 then 3 else 2 end) n`;
}

/** Makes a new turn live in each of some sessions of users who have few: half of them run. */
export async function addLive(sql: Pool, large: Large, count: number): Promise<void> {
  await sql`
    with s as (
      select distinct on (owner_id) id, owner_id, last_ordinal from sessions where name = 'a name' and project_id <> ${large.projectId} limit ${count}
    ), raised as (
      update sessions set last_ordinal = sessions.last_ordinal + 1 from s where sessions.id = s.id)
    insert into turns (id, session_id, owner_id, ordinal, status, attempt, worker_id, lease_until)
    select gen_random_uuid(), id, owner_id, last_ordinal + 1, case when random() < 0.5 then 'running' else 'queued' end, 0, 'w',
      now() + interval '1 hour' from s`;
  await sql`update turns set attempt = 1 where status = 'running'`;
  await sql`update turns set lease_until = null where status = 'queued'`;
}

/** Ends the live turns that calls left behind. */
export async function endRest(sql: Pool): Promise<void> {
  await sql`
    update turns t set status = 'cancelled', lease_until = null, finished_at = now() from sessions s
    where s.id = t.session_id and t.status in ('queued', 'running', 'cancelling') and s.name is distinct from 'a name'`;
}

/** Posts, claims, renews and ends turns with the writes of the services to `sessions` and `turns`. */
export async function runTurns(sql: Pool, large: Large, count: number): Promise<void> {
  const sessions = await sql<{ id: string }[]>`
    select id from sessions where name = 'a name' and project_id <> ${large.projectId} and id not in (
      select session_id from turns where status in ('queued', 'running', 'cancelling')) limit ${count}`;
  const ids = sessions.map(({ id }) => id);
  for (let at = 0; at < ids.length; at += 100) {
    const some = ids.slice(at, at + 100);
    await sql`update sessions set last_ordinal = last_ordinal + 1, updated_at = now() where id = any(${some}::uuid[])`;
    const turns = await sql<{ id: string }[]>`
      insert into turns (id, session_id, owner_id, ordinal)
      select gen_random_uuid(), id, owner_id, last_ordinal from sessions where id = any(${some}::uuid[]) returning id`;
    const turnIds = turns.map(({ id }) => id);
    await sql`
      update turns set status = 'running', attempt = 1, lease_until = now() + interval '1 minute' where id = any(${turnIds}::uuid[])`;
    await sql`update turns set lease_until = now() + interval '1 minute', last_seq = 5 where id = any(${turnIds}::uuid[])`;
    await sql`update turns set status = 'complete', lease_until = null, finished_at = now() where id = any(${turnIds}::uuid[])`;
    await sql`update sessions set version = version + 1, updated_at = now() where id = any(${some}::uuid[])`;
  }
}
