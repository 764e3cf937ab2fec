import { connectPostgres } from "@boocode/runtime";
import * as store from "@boocode/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BY_KEY, newMine, OVER_LIVE } from "./every-call.ts";
import { useStore } from "./fixture.ts";
import { countReads } from "./reads.ts";

/*
 * Postgres chooses plans from statistics. At the last ANALYZE hardly any turn of a large table is live, so that a partial index on
 * `status` is expected to have one row, and is preferred to every other, also where the statement names one turn. What a statement
 * reads is therefore counted here while many turns of others are live.
 */
const fixture = useStore();

/** The other functions: parts of statements, pure ones, and those that read or remove what is old, of all users, in batches. */
const OTHERS = [
  ...["changesOfCancel", "deletion", "findExceeded", "hintsOfCancel", "isTransient", "only"],
  ...[
    "folderHolder",
    "messageColumns",
    "milliseconds",
    "recentCalls",
    "sessionColumns",
    "summaryColumns",
    "turnColumns",
  ],
  ...["turnSetting", "userRef", "Forbidden", "IdempotencyKeyReused", "QuotaExceeded"],
  ...["addStorageChanges", "deleteLateProjects", "deleteOldAuditEvents", "findOldSessions", "findProjectsToEmpty"],
  ...["forgetOldIdempotencyKeys", "indexTexts", "purgeBatch"],
  ...[
    "checkDatabase",
    "readEndedAccess",
    "lockAdministrators",
    "listAudit",
    "listFolderHolders",
    "listUsers",
    "readUsageOfUsers",
  ],
  // Parts of other functions.
  ...["closeTurn", "refOfUser", "replyParameters", "rowOf", "wholeTransaction"],
];

/** Live turns of other users, and of ended ones. */
const [LIVE, ENDED] = [300, 3_000];
/** How often a call that looks for work may read each live turn: it joins what belongs to them, and has several statements. */
const MOST_TIMES = 6;
/** The same for what services do all the time: to order the turns, and to look up those that are wanted. */
const FEW_TIMES = 3;
const FREQUENT = new Set(["claimTurns", "readOpenWork", "readWaitingTurns"]);

/** Rows of a table, or entries of its indexes, that a call may read. Its user has ten. */
const MOST = 100;

beforeAll(async () => {
  const { owner } = fixture;
  for (const table of ["turns", "sessions", "messages"]) {
    await owner`alter table ${owner(table)} set (autovacuum_enabled = off)`;
  }
  await fill(ENDED, owner`'complete'`);
  await owner`vacuum (analyze)`;
  // Their words are written, as workers do within a second.
  while ((await store.indexTexts(owner))?.isMore);
  await fill(LIVE, owner`case when n % 2 = 0 then 'running' else 'queued' end`);
  while ((await store.indexTexts(owner))?.isMore);
  // A connection would otherwise keep for seconds what it counted, such as the look-ups of foreign keys.
  await owner`select pg_stat_force_next_flush()`;
});

/** Adds users, each with a project, a session, and a turn with its question. */
async function fill(count: number, status: ReturnType<typeof fixture.owner>): Promise<void> {
  const { owner } = fixture;
  await owner`
    with one as (
      select n, gen_random_uuid() as user_id, gen_random_uuid() as project_id, gen_random_uuid() as session_id,
        gen_random_uuid() as turn_id, ${status} as status from generate_series(1, ${count}::int) n
    ), u as (insert into users (id, name, slug) select user_id, user_id, 'u-' || user_id from one
    ), p as (insert into projects (id, owner_id, name, path) select project_id, user_id, 'p', '/p' from one
    ), s as (insert into sessions (id, project_id, owner_id, last_ordinal) select session_id, project_id, user_id, 1 from one
    ), t as (
      insert into turns (id, session_id, owner_id, ordinal, status, attempt, worker_id, lease_until, finished_at)
      select turn_id, session_id, user_id, 1, status, (status <> 'queued')::int, 'w',
        case when status = 'running' then now() + interval '1 hour' end, case when status = 'complete' then now() end from one)
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
    select gen_random_uuid(), session_id, user_id, turn_id, 1, 0, 'user', 'why?' from one`;
}

test("every function of the store is in this test", () => {
  const functions = Object.entries(store).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  const covered = new Set([...Object.keys(BY_KEY), ...Object.keys(OVER_LIVE), ...OTHERS]);
  expect(functions.filter((name) => !covered.has(name))).toEqual([]);
});

// Plans for the parameters of one execution, and plans for any parameters, which a connection uses from the sixth execution on.
describe.each(["force_custom_plan", "force_generic_plan"])("with %s", (mode) => {
  let pool: store.Pool;

  beforeAll(() => {
    const url = new URL(fixture.url);
    url.searchParams.set("options", `-c plan_cache_mode=${mode}`);
    pool = connectPostgres(url.href, { name: "counted", connections: 1 });
  });
  afterAll(async () => await pool.end({ timeout: 2 }));

  test("no call for one user reads the live turns of others", async () => {
    const costly: Record<string, Record<string, number>> = {};
    for (const [name, call] of Object.entries(BY_KEY)) {
      const my = await newMine(pool);
      // A search also reads what workers have not got to in the last second.
      if (name === "searchTexts") while ((await store.indexTexts(pool))?.isMore);
      const { rows: read } = await countReads(pool, () => call(pool, my));
      if (Object.values(read).some((rows) => rows > MOST)) costly[name] = read;
    }
    expect(costly).toEqual({});
  });

  test("a call that looks for work reads each live turn a few times, and no ended one", async () => {
    const costly: Record<string, Record<string, number>> = {};
    for (const [name, call] of Object.entries(OVER_LIVE)) {
      const my = await newMine(pool);
      // Also those that other calls of this test have left.
      const [{ left } = { left: 0 }] = await pool<{ left: number }[]>`
        select sum(live_turns)::int - ${LIVE} as left from sessions where live_turns > 0`;
      const { rows: read } = await countReads(pool, () => call(pool, my));
      const times = FREQUENT.has(name) ? FEW_TIMES : MOST_TIMES;
      if (Object.values(read).some((rows) => rows > times * (LIVE + left))) costly[name] = read;
    }
    expect(costly).toEqual({});
  });
});
