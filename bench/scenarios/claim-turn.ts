import { randomUUID } from "node:crypto";
import { type Claim, claimTurns, createProject, createUser } from "@boocode/store";
import type { Lab } from "../lab.ts";
import { median } from "../report/statistics.ts";
import { withDatabase } from "../with-database.ts";

/*
 * How long does a look for a turn take when many are due? One user has asked in nearly all of the sessions and holds all of the user's
 * slots of the worker, so that the look finds nothing; then a look that claims a turn. Medians of 11 looks.
 */
const USERS = 4;

export async function claimTurn(lab: Lab): Promise<void> {
  const turns = lab.options.levels?.[0] ?? (lab.options.smoke ? 200 : 3_100);
  await withDatabase(async (sql) => {
    const users: string[] = [];
    for (let at = 0; at < USERS; at++) {
      const [userId, projectId] = [randomUUID(), randomUUID()];
      users.push(userId);
      await createUser(sql, { id: userId, name: userId });
      await createProject(sql, { id: projectId, ownerId: userId, name: "bench", path: "/tmp" });
      await sql`
        with s as (
          insert into sessions (id, project_id, owner_id, last_ordinal)
          select gen_random_uuid(), ${projectId}, ${userId}, 1 from generate_series(1, ${at === 0 ? turns - 40 : 40}::int)
          returning id)
        insert into turns (id, session_id, owner_id, ordinal, due_at, status, lease_until)
        select gen_random_uuid(), id, ${userId}, 1, now() - interval '1 s' * random(), 'queued', null from s`;
    }
    await sql`
      update turns set status = 'running', lease_until = now() + interval '1 hour' where id in (select id from turns limit 50)`;
    const look = async (atLimit: string[]) => {
      const claim: Claim = {
        ...{
          workerId: "w",
          nonce: randomUUID().slice(0, 8),
          leaseMs: 60_000,
          maxAttempts: 3,
          takesPoisonCandidates: true,
        },
        shares: { most: 1, held: new Map(atLimit.map((id) => [id, 1])) },
      };
      const times: number[] = [];
      for (let round = 0; round < 11; round++) {
        const start = performance.now();
        await claimTurns(sql, { kind: "due" }, claim, 1);
        times.push(performance.now() - start);
      }
      return median(times);
    };
    const rows = [
      { look: `finds nothing among ${turns} due turns`, ms: await look(users) },
      { look: "claims a turn", ms: await look([]) },
    ];
    await sql`update turns set status = 'complete'`;
    rows.push({ look: "without live turns", ms: await look([]) });
    for (const row of rows) lab.record("claim-turn", row);
    lab.table("claim-turn: medians of 11 looks", rows);
  });
}
