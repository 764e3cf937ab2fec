import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate, startBackingServices } from "@boocode/backing-services";
import { connectPostgres } from "@boocode/runtime";
import { type Claim, claimNextTurn, createProject, createUser } from "@boocode/store";

/*
 * `npx tsx bench/claim-turn.ts [turns]`
 *
 * How long does a look take when many turns are due? One user has asked in nearly all of the sessions and holds all of the user's
 * slots of the worker, so that the look finds nothing; then a look that claims a turn. Prints the medians of 11 looks.
 */
const turns = Number(process.argv[2] ?? 3_100);
const USERS = 4;

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

async function median(act: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < 11; round++) times.push(await timed(act));
  return `${times.toSorted((a, b) => a - b)[5]?.toFixed(1)} ms`;
}

const dataDir = mkdtempSync(join(tmpdir(), "boocode-bench-"));
const backing = await startBackingServices({ dataDir, keep: false, log: () => {} });
const pool = connectPostgres(backing.databaseUrl, { name: "bench", connections: 2 });
try {
  await migrate(backing.databaseUrl, { log: () => {} });
  const users: string[] = [];
  for (let at = 0; at < USERS; at++) {
    const [userId, projectId] = [randomUUID(), randomUUID()];
    users.push(userId);
    await createUser(pool, { id: userId, name: userId });
    await createProject(pool, { id: projectId, ownerId: userId, name: "bench", path: "/tmp" });
    await pool`
      with s as (
        insert into sessions (id, project_id, owner_id, last_ordinal)
        select gen_random_uuid(), ${projectId}, ${userId}, 1 from generate_series(1, ${at === 0 ? turns - 40 : 40}::int)
        returning id)
      insert into turns (id, session_id, owner_id, ordinal, due_at, status, lease_until)
      select gen_random_uuid(), id, ${userId}, 1, now() - interval '1 s' * random(), 'queued', null from s`;
  }
  await pool`update turns set status = 'running', lease_until = now() + interval '1 hour' where id in (select id from turns limit 50)`;
  const claim = (usersAtLimit: string[]): Claim => ({
    ...{ workerId: "w", nonce: randomUUID().slice(0, 8), leaseMs: 60_000, maxAttempts: 3, takesPoisonCandidates: true },
    usersAtLimit,
  });
  console.log(
    `${turns} due turns: a look that finds nothing`,
    await median(() => claimNextTurn(pool, { kind: "due" }, claim(users))),
  );
  console.log("a look that claims a turn", await median(() => claimNextTurn(pool, { kind: "due" }, claim([]))));
  await pool`update turns set status = 'complete'`;
  console.log("a look without live turns", await median(() => claimNextTurn(pool, { kind: "due" }, claim([]))));
} finally {
  await pool.end({ timeout: 2 });
  await backing.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
