import { readFileSync } from "node:fs";
import type { Postgres } from "@boocode/runtime";
import { findUnreadable, readEndedAccess, readPositions, type SessionPosition } from "@boocode/store";
import type { Lab } from "../lab.ts";
import { withDatabase } from "../with-database.ts";

/*
 * What do a gateway's checks take of the database in each second? Every socket follows a session of its own; most have a user and a
 * token of their own. Six times as many sessions are stored, and one in a hundred has a running turn.
 */
const ROUNDS = 7;

export async function gatewayChecks(lab: Lab): Promise<void> {
  const sockets = lab.options.levels?.[0] ?? (lab.options.smoke ? 100 : 10_000);
  await withDatabase(async (pool) => {
    await fill(pool, sockets);
    // One connection, so that one server process has all of the cost.
    const sql = await pool.reserve();
    try {
      const [{ pid }] = (await sql`select pg_backend_pid() as pid`) as unknown as [{ pid: number }];
      /** The CPU time that the server process has used, in milliseconds. */
      const used = () => Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
      const cost = async (check: () => Promise<unknown>) => {
        await check();
        const before = used();
        for (let round = 0; round < ROUNDS; round++) await check();
        return (used() - before) / ROUNDS;
      };
      const followers = await sql<{ userId: string; sessionId: string }[]>`
        select owner_id as "userId", id as "sessionId" from sessions order by random() limit ${sockets}`;
      const first = await readPositions(
        sql,
        followers.map(({ sessionId }) => ({ id: sessionId, last: null })),
      );
      const watched = followers.map(({ sessionId: id }) => ({ id, last: first.get(id) as SessionPosition }));
      const { mark } = await readEndedAccess(sql, null);
      const rows = [
        { check: "positions", "ms of CPU": await cost(() => readPositions(sql, watched)) },
        { check: "ended access", "ms of CPU": await cost(() => readEndedAccess(sql, mark)) },
        { check: "access of all, after a failure", "ms of CPU": await cost(() => findUnreadable(sql, followers)) },
      ];
      for (const row of rows) lab.record("gateway-checks", row);
      lab.table(`gateway-checks: of ${sockets} sockets, in the database`, rows);
    } finally {
      sql.release();
    }
  });
}

async function fill(sql: Postgres, sockets: number): Promise<void> {
  await sql`
    insert into users (id, name, slug)
    select gen_random_uuid(), 'u' || n, 'u' || n from generate_series(1, ${2 * sockets}::int) n`;
  await sql`insert into projects (id, owner_id, name, path) select gen_random_uuid(), id, name, '/tmp' from users`;
  await sql`
    insert into sessions (id, project_id, owner_id, last_ordinal)
    select gen_random_uuid(), p.id, p.owner_id, 3 from projects p, generate_series(1, 3)`;
  await sql`
    insert into turns (id, session_id, owner_id, ordinal, status, attempt, nonce, last_seq)
    select gen_random_uuid(), s.id, s.owner_id, n, 'complete', 1, 'n', 20 from sessions s, generate_series(1, 3) n`;
  await sql`vacuum analyze`;
  await sql`
    update turns set status = 'running' where ordinal = 3 and session_id in (select id from sessions order by id limit ${sockets / 100})`;
}
