import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { markedScript } from "./harness/marked-text.ts";
import { type PostgresTap, type RoundTrip, tapPostgres } from "./harness/network/postgres-tap.ts";
import { FASTIFY, type System, startSystem, type User } from "./harness/start-system.ts";
import { openSubscriber, type Subscriber } from "./harness/subscriber.ts";

/**
 * What a turn costs: its round trips to Postgres and its commits, of all services together, with limits and grants. What a
 * process does on a timer for all its turns or sockets together is not counted, whatever their number.
 */
const TIMERS: [by: RegExp, statement: RegExp][] = [
  [/^worker$/, /"hasOrphans"/],
  [/^worker heartbeat$/, /lease_until/],
  // The callers who are remembered, and when tokens were last used.
  [/^api$/, /^select wanted\.at/],
  [/^(api|gateway)$/, /set last_used_at = /],
];

/** What a worker asks for a turn, by a part of the statement. */
const WORKER: Record<string, RegExp> = {
  claim: /set status = 'running'/,
  history: /as left_out from messages/,
  "saves tool calls": /tool_calls = \$/,
  "commits the step": /from commit_step_2/,
  end: /from end_turn_2/,
  "reads for naming": /question\.content as question/,
  "names the session": /from name_session_2/,
};

/** After so long without a round trip, nothing more follows. */
const QUIET_MS = 300;

interface Talk {
  id: string;
  subscriber: Subscriber;
}

let system: System;
let user: User;
let tap: PostgresTap;
let projectId: string;
let talk: Talk;

beforeAll(async () => {
  system = await startSystem({
    privatePostgres: true,
    route: async ({ databaseUrl, redisUrl }) => {
      tap = await tapPostgres(databaseUrl);
      return { databaseUrl: tap.url, redisUrl };
    },
    env: {
      USER_LIMITS: JSON.stringify({ turns_running: 5, turns_waiting: 20, tokens_per_day: 1e9, stored_bytes: 1e9 }),
      // Few connections, so that each has prepared every statement after a few turns.
      DATABASE_CONNECTIONS: "2",
      // Their commits would be counted.
      DRAFT_INTERVAL_MS: "60000",
      HEARTBEAT_MS: "60000",
      LEASE_MS: "200000",
      MAINTENANCE_INTERVAL_MS: "6000000",
      POSITION_CHECK_MS: "600000",
    },
  });
  // The server's next transaction number counts the commits that wrote, and nothing else.
  await system.sql`alter system set autovacuum = off`;
  await system.sql`select pg_reload_conf()`;
  user = await system.addUser("ada");
  ({ id: projectId } = await user.rest.project(FASTIFY));
  talk = await newTalk("named");
  // Warm: statements are prepared, and the name of the model is known.
  for (let turn = 0; turn < 6; turn++) {
    await ask(talk, { tool_depth: 1, tool: TOOL })();
    const unnamed = await newTalk(null);
    await ask(unnamed)();
    await untilNamed(unnamed);
    await unnamed.subscriber.close();
  }
}, 120_000);
afterAll(async () => {
  await talk?.subscriber.close();
  await system?.stop();
  await tap?.close();
});

const TOOL = { name: "list_dir", arguments: {} };

async function newTalk(name: string | null): Promise<Talk> {
  const { id } = await user.rest.session(projectId, { ...(name !== null && { name }), model: "words" });
  const subscriber = openSubscriber(system, user, id, { marked: name !== null });
  await subscriber.follower.until((view) => view.connection === "live", AbortSignal.timeout(30_000));
  return { id, subscriber };
}

/** Asks a question, and waits until the subscriber has seen the end of its answer. */
const ask =
  ({ id, subscriber }: Talk, script: object = {}) =>
  async () => {
    const question = markedScript(randomUUID(), { tokens: 5, interval_ms: 1, ...script });
    const { turn_id } = await user.rest.post(id, question);
    await subscriber.untilEnded(turn_id);
  };

const untilNamed = ({ subscriber }: Talk) =>
  subscriber.follower.until((view) => (view.session?.name ?? null) !== null, AbortSignal.timeout(30_000));

const nextXid = async () => {
  const [row] = await system.sql<
    [{ xid: number }]
  >`select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as xid`;
  return row.xid;
};

interface Cost {
  /** What the worker asked, in order. */
  worker: string[];
  /** All round trips of all services. */
  trips: string[];
  commits: number;
}

async function costOf(act: () => Promise<unknown>): Promise<Cost> {
  const xid = await nextXid();
  const from = tap.trips.length;
  await act();
  const trips = () =>
    tap.trips
      .slice(from)
      .filter(({ by, statement }) => !TIMERS.some(([name, text]) => name.test(by) && text.test(statement)));
  for (let seen = -1; seen !== trips().length; await delay(QUIET_MS)) seen = trips().length;
  const nameOf = ({ statement }: RoundTrip) =>
    Object.entries(WORKER).find(([, text]) => text.test(statement))?.[0] ?? statement;
  const isWrite = ({ statement }: RoundTrip) => /set last_used_at = /.test(statement);
  return {
    worker: trips()
      .filter(({ by }) => by === "worker")
      .map(nameOf),
    trips: trips().map(({ by, statement }) => `${by}: ${statement.slice(0, 90)}`),
    commits: (await nextXid()) - xid - tap.trips.slice(from).filter(isWrite).length,
  };
}

test("a turn without tools takes three round trips of its worker, none of a gateway, and three commits", async () => {
  const { worker, trips, commits } = await costOf(ask(talk));
  expect(worker).toEqual(["claim", "history", "end"]);
  expect(trips.filter((trip) => !/^(worker|api): /.test(trip))).toEqual([]);
  expect(trips.length).toBeLessThanOrEqual(6);
  expect(commits).toBe(3);
});

test("each step with tools adds two round trips and two commits", async () => {
  const [none, one, three] = [
    await costOf(ask(talk)),
    await costOf(ask(talk, { tool_depth: 1, tool: TOOL })),
    await costOf(ask(talk, { tool_depth: 3, tool: TOOL })),
  ];
  const step = ["saves tool calls", "commits the step"];
  expect(one.worker).toEqual(["claim", "history", ...step, "end"]);
  expect(three.worker).toEqual(["claim", "history", ...step, ...step, ...step, "end"]);
  expect([one, three].map(({ commits }) => commits - none.commits)).toEqual([2, 6]);
});

test("naming adds two round trips and one commit", async () => {
  const unnamed = await newTalk(null);
  const cost = await costOf(async () => {
    await ask(unnamed)();
    await untilNamed(unnamed);
  });
  expect(cost.worker).toEqual(["claim", "history", "end", "reads for naming", "names the session"]);
  const named = await costOf(ask(unnamed));
  expect(cost.worker.length - named.worker.length).toBe(2);
  expect(cost.commits - named.commits).toBe(1);
  await unnamed.subscriber.close();
});

test("a worker without turns asks once a second", async () => {
  const from = tap.trips.length;
  const since = performance.now();
  const looks = () => tap.trips.slice(from).filter(({ by }) => by.startsWith("worker"));
  while (looks().length < 3) await delay(20);
  expect(performance.now() - since).toBeGreaterThan(1_500);
  for (const { by, statement } of looks()) expect(`${by}: ${statement}`).toMatch(/^worker: select .*"hasOrphans"/);
});
