import { randomUUID } from "node:crypto";
import type { Postgres } from "@boocode/runtime";
import {
  createProject,
  createSession,
  createUser,
  deleteProject,
  emptyProject,
  postMessage,
  purgeBatch,
} from "@boocode/store";
import type { Lab } from "../lab.ts";
import { median } from "../report/statistics.ts";
import { withDatabase } from "../with-database.ts";

/*
 * How long does deleting a project with many sessions hold locks? The longest transaction, and the slowest post of the same
 * user elsewhere and in the project meanwhile, for one transaction over all sessions (as it once was) and for the mark with
 * batches, as a ratio. Both are done in each of three rounds; the medians count. Then the same for the batches of the purge.
 */
const ROUNDS = 3;

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

async function measure(sql: Postgres, ownerId: string, sessions: number, act: (place: Place) => Promise<number[]>) {
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

export async function deleteProjects(lab: Lab): Promise<void> {
  const sessions = lab.options.levels?.[0] ?? (lab.options.smoke ? 100 : 100_000);
  await withDatabase(async (sql) => {
    const ownerId = randomUUID();
    await createUser(sql, { id: ownerId, name: "bench" });
    const [before, after] = [[], []] as [Awaited<ReturnType<typeof measure>>[], Awaited<ReturnType<typeof measure>>[]];
    for (let round = 0; round < ROUNDS; round++) {
      before.push(await measure(sql, ownerId, sessions, (place) => deleteAtOnce(sql, place)));
      after.push(await measure(sql, ownerId, sessions, (place) => deleteInBatches(sql, place)));
    }
    const names = {
      hold: "longest transaction",
      elsewhere: "slowest post elsewhere",
      inside: "slowest post in the project",
    };
    const rows = (Object.keys(names) as (keyof typeof names)[]).map((what) => {
      const [old, now] = [before, after].map((runs) => median(runs.map((run) => run[what]))) as [number, number];
      return { of: names[what], "ms at once": old, "ms in batches": now, ratio: now / old };
    });
    const purging: number[] = [];
    for (;;) {
      const { ms, result } = await timed(() => purgeBatch(sql, { afterMs: 0, frameLogMs: 0 }));
      if (!result || purging.length === 500) break;
      purging.push(ms);
    }
    const purge = { batches: purging.length, "median ms": median(purging), "slowest ms": Math.max(...purging) };
    for (const row of [...rows, purge]) lab.record("delete-project", row);
    lab.table(`delete-project: ${sessions} sessions`, rows);
    lab.table("delete-project: the purge", [purge]);
  });
}
