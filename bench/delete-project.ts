import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate, startBackingServices } from "@boocode/backing-services";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import {
  createProject,
  createSession,
  createUser,
  deleteProject,
  emptyProject,
  postMessage,
  purgeBatch,
} from "@boocode/store";

/*
 * `npx tsx bench/delete-project.ts [sessions]`
 *
 * How long does deleting a project with many sessions hold locks? Prints the longest transaction, and the slowest post of the same
 * user elsewhere and in the project meanwhile, for one transaction over all sessions (as it once was) and for the mark with
 * batches, as a ratio. Both are done in each of three rounds; the medians count. Then the same for the batches of the purge, and
 * the bytes that a turn takes.
 */
const sessions = Number(process.argv[2] ?? 100_000);
const ROUNDS = 3;

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function timed<T>(act: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now();
  const result = await act();
  return { ms: performance.now() - start, result };
}

interface Place {
  ownerId: string;
  projectId: string;
  sessionId: string;
}

async function newProject(sql: Postgres, ownerId: string, count: number): Promise<Place> {
  const [projectId, sessionId] = [randomUUID(), randomUUID()];
  await createProject(sql, { id: projectId, ownerId, name: "bench", path: "/tmp" });
  await createSession(sql, { id: sessionId, ownerId, projectId });
  await sql`
    insert into sessions (id, project_id, owner_id)
    select gen_random_uuid(), ${projectId}, ${ownerId} from generate_series(2, ${count}::int)`;
  return { ownerId, projectId, sessionId };
}

const post = (sql: Postgres, place: Place) => {
  const ids = { turnId: randomUUID(), messageId: randomUUID() };
  return postMessage(sql, { ...place, ...ids, content: "why?", when_busy: "queue" }, null);
};

/** As it once was: one transaction that locks all sessions. @returns its length in ms */
async function deleteAtOnce(sql: Postgres, { projectId }: Place): Promise<number[]> {
  const { ms } = await timed(() =>
    sql.begin(async (tx) => {
      const ids = (
        await tx<{ id: string }[]>`
          select id from sessions where project_id = ${projectId} and deleted_at is null order by id for no key update`
      ).map(({ id }) => id);
      await tx`select from projects where id = ${projectId} for no key update`;
      await tx`update sessions set deleted_at = now() where id = any(${ids}::uuid[])`;
      await tx`
        update turns set status = 'cancelled', cancel_reason = 'session_deleted', finished_at = now()
        where session_id = any(${ids}::uuid[]) and status = 'queued'`;
      await tx`update projects set deleted_at = now(), emptied_at = now() where id = ${projectId}`;
    }),
  );
  return [ms];
}

/** @returns the lengths of the transactions in ms */
async function deleteInBatches(sql: Postgres, { ownerId, projectId }: Place): Promise<number[]> {
  const transactions = [(await timed(() => deleteProject(sql, ownerId, projectId))).ms];
  for (;;) {
    const { ms, result } = await timed(() => emptyProject(sql, projectId));
    transactions.push(ms);
    if (result.deleted === 0) return transactions;
  }
}

async function measure(sql: Postgres, ownerId: string, act: (place: Place) => Promise<number[]>) {
  const [place, elsewhere] = [await newProject(sql, ownerId, sessions), await newProject(sql, ownerId, 1)];
  await post(sql, place);
  await sql`analyze`;
  const posts = { elsewhere: [] as number[], inside: [] as number[] };
  let isDone = false;
  const postAll = async (where: keyof typeof posts, to: Place) => {
    while (!isDone) {
      posts[where].push((await timed(() => post(sql, to))).ms);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const posting = [postAll("elsewhere", elsewhere), postAll("inside", place)];
  const transactions = await act(place);
  isDone = true;
  await Promise.all(posting);
  const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b), 0);
  return { hold: most(transactions), elsewhere: most(posts.elsewhere), inside: most(posts.inside) };
}

const dataDir = mkdtempSync(join(tmpdir(), "boocode-bench-"));
const backing = await startBackingServices({ dataDir, keep: false, log: () => {} });
const sql = connectPostgres(backing.databaseUrl, { name: "bench", connections: 10, statementMs: 0 });
try {
  await migrate(backing.databaseUrl, { log: () => {} });
  const ownerId = randomUUID();
  await createUser(sql, { id: ownerId, name: "bench" });
  const [before, after] = [[], []] as [Awaited<ReturnType<typeof measure>>[], Awaited<ReturnType<typeof measure>>[]];
  for (let round = 0; round < ROUNDS; round++) {
    before.push(await measure(sql, ownerId, (place) => deleteAtOnce(sql, place)));
    after.push(await measure(sql, ownerId, (place) => deleteInBatches(sql, place)));
  }
  for (const what of ["hold", "elsewhere", "inside"] as const) {
    const [old, now] = [before, after].map((runs) => median(runs.map((run) => run[what]))) as [number, number];
    const name = {
      hold: "longest transaction",
      elsewhere: "slowest post elsewhere",
      inside: "slowest post in the project",
    };
    console.log(
      `${name[what]}: ${old.toFixed(0)} ms at once, ${now.toFixed(0)} ms in batches, ratio ${(now / old).toFixed(3)}`,
    );
  }

  const purging: number[] = [];
  for (;;) {
    const { ms, result } = await timed(() => purgeBatch(sql, { afterMs: 0, frameLogMs: 0 }));
    if (!result || purging.length === 500) break;
    purging.push(ms);
  }
  const slowest = purging.reduce((a, b) => Math.max(a, b), 0);
  console.log(
    `purge: ${purging.length} batches, median ${median(purging).toFixed(1)} ms, slowest ${slowest.toFixed(0)} ms`,
  );
} finally {
  await sql.end({ timeout: 2 });
  await backing.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
