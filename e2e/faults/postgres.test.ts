import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { TurnAccepted } from "@boocode/contracts";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { untilAllEnded } from "../harness/invariants.ts";
import { markedScript } from "../harness/marked-text.ts";
import { proxyBefore, type TcpProxy, through } from "../harness/network/tcp-proxy.ts";
import { persist } from "../harness/persist.ts";
import { size } from "../harness/scale.ts";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;
let proxy: TcpProxy;

beforeAll(async () => {
  system = await startSystem({
    apis: 2,
    workers: 2,
    gateways: 2,
    privatePostgres: true,
    // Shorter than the outages, which must not count as a blocked event loop.
    env: { WATCHDOG_MS: "5000" },
    route: async ({ databaseUrl, redisUrl }) => {
      proxy = await proxyBefore(databaseUrl);
      return { databaseUrl: through(databaseUrl, proxy), redisUrl };
    },
  });
  user = await system.addUser("ada");
});
afterAll(async () => {
  await system.stop();
  await proxy.close();
});

test("a Postgres that is killed and restarted repeatedly loses nothing that was acknowledged", {
  timeout: size(90_000, 600_000),
}, async () => {
  const turns = await watchTurns(system, user, 10, { tokens: size(150, 900), interval_ms: size(20, 10) });
  await untilAllSpeak(turns);
  let isOver = false;
  // Users keep posting meanwhile; every acknowledged message exists and is answered.
  const asking = turns.slice(0, 3).map(async ({ sessionId }) => {
    const accepted: string[] = [];
    while (!isOver) {
      const content = markedScript(randomUUID(), { tokens: 3, interval_ms: 1 });
      const { turn_id } = await persist<TurnAccepted>(system, user, `/api/sessions/${sessionId}/messages`, { content });
      accepted.push(turn_id);
    }
    return accepted;
  });
  for (let i = 0; i < size(3, 12); i++) {
    await system.postgres?.kill("SIGKILL");
    await system.postgres?.restart();
    await delay(1_000);
  }
  isOver = true;
  const accepted = (await Promise.all(asking)).flat();
  await expectAgreement(system, turns);
  const kept = await system.sql<{ id: string }[]>`select id from turns where id = any(${accepted}::uuid[])`;
  expect(kept.map(({ id }) => id).sort()).toEqual(accepted.sort());
});

test("outages of the database that outlast the leases spend no attempt, except that of a worker that died meanwhile", {
  timeout: size(120_000, 600_000),
}, async () => {
  const gate = { name: "outages", at: 10 };
  const turns = await watchTurns(system, user, size(6, 20), { tokens: 20, interval_ms: 10, gate });
  const ids = turns.map(({ turnId }) => turnId);
  /** @returns the turns, when all of them run; each outage takes an attempt from each, so that what runs is not about to stop */
  const running = async (attempt: number) => {
    const rows = await system.sql<{ id: string; worker_id: string }[]>`
      select id, worker_id from turns
      where id = any(${ids}::uuid[]) and status = 'running' and lease_until > now() and attempt >= ${attempt}`;
    return rows.length === turns.length ? rows : null;
  };
  const outages = size(2, 10);
  const lost = new Set<string>();
  for (let outage = 1; outage <= outages; outage++) {
    await expect.poll(() => running(outage), { timeout: 60_000 }).not.toBeNull();
    const held = (await running(outage)) ?? [];
    await system.postgres?.kill("SIGSTOP");
    if (outage === outages) {
      const victim = system.workers.find(({ pid }) => held[0]?.worker_id.endsWith(`-${pid}`)) as ServiceProcess;
      for (const { id, worker_id } of held) if (worker_id.endsWith(`-${victim.pid}`)) lost.add(id);
      await victim.stop("SIGKILL");
    }
    await delay(8_000);
    await system.postgres?.kill("SIGCONT");
  }
  await expect.poll(() => running(outages + 1), { timeout: 60_000 }).not.toBeNull();
  system.model.release(gate.name);
  await expectAgreement(system, turns);
  const rows = await system.sql<{ id: string; crashes: number }[]>`
    select id, crashes from turns where id = any(${ids}::uuid[])`;
  expect(lost.size).toBeGreaterThan(0);
  for (const { id, crashes } of rows) expect([id, crashes]).toEqual([id, lost.has(id) ? 1 : 0]);
  await system.restore();
});

test("a database that becomes read-only is answered with 503, and works again within five seconds of its end", {
  timeout: 60_000,
}, async () => {
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { name: "read-only", model: "words" });
  const name = new URL(system.env.DATABASE_URL as string).pathname.slice(1);
  const setReadOnly = (state: string) =>
    system.sql.unsafe(`alter database "${name}" set default_transaction_read_only = ${state}`);
  const post = () =>
    fetch(`${system.apis[0]?.url}/api/sessions/${session.id}/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${user.token}`, "content-type": "application/json" },
      body: JSON.stringify({ content: markedScript(randomUUID(), { tokens: 2 }) }),
    });
  await setReadOnly("on");
  await system.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = ${name} and application_name in ('api', 'worker', 'worker heartbeat', 'gateway')`;
  await expect.poll(async () => (await post()).status, { timeout: 10_000 }).toBe(503);
  for (let i = 0; i < 10; i++) {
    const answer = await post();
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  }
  await setReadOnly("off");
  await expect.poll(async () => (await post()).status, { timeout: 5_000 }).toBe(202);
  expect(await Promise.all(Array.from({ length: 20 }, async () => (await post()).status))).toEqual(Array(20).fill(202));
  await untilAllEnded(system, 30_000);
});

test("turns outlive a full disk that outlasts their leases, and no attempt is spent", { timeout: 90_000 }, async () => {
  const turns = await watchTurns(system, user, 4, { tokens: 400, interval_ms: 20 });
  await untilAllSpeak(turns);
  await system.sql.unsafe(`
    create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'could not extend file' using errcode = '53100'; end $$;
    create trigger refuse before insert or update on turns for each statement execute function refuse();
    create trigger refuse before insert or update on messages for each statement execute function refuse()`);
  await expect
    .poll(async () => (await fetch(`${system.workers[0]?.url}/readyz`)).json(), { timeout: 5_000 })
    .toMatchObject({ reasons: { postgres: "disk_full" } });
  await delay(6_000);
  await system.sql.unsafe("drop function refuse cascade");
  await expectAgreement(system, turns);
  const [row] = await system.sql`
    select sum(crashes)::int as crashes from turns where id = any(${turns.map(({ turnId }) => turnId)}::uuid[])`;
  expect(row?.crashes).toBe(0);
});

test("turns survive database connections that are reset repeatedly", { timeout: 60_000 }, async () => {
  const turns = await watchTurns(system, user, 8, { tokens: 100, interval_ms: 20 });
  await untilAllSpeak(turns);
  for (let i = 0; i < 8; i++) {
    proxy.set("reset");
    proxy.set("pass");
    await delay(250);
  }
  await expectAgreement(system, turns);
});

test("turns survive a network that drops all traffic to the database for a while", { timeout: 90_000 }, async () => {
  const turns = await watchTurns(system, user, 6, { tokens: 100, interval_ms: 20 });
  await untilAllSpeak(turns);
  proxy.set("blackHole");
  await delay(8_000);
  proxy.set("pass");
  await expectAgreement(system, turns);
  const answer = await user.rest.messages(turns[0]?.sessionId as string);
  expect(answer.messages.length).toBeGreaterThan(0);
});

test("a worker that releases its turns while the database is briefly away spends no attempt", async () => {
  // The whole grace period is reserved for the release, which therefore begins at once.
  const leaving = await system.start("worker", { SHUTDOWN_GRACE_MS: "8000" });
  const others = system.workers.filter((worker) => worker !== leaving);
  await Promise.all(others.map((worker) => worker.stop()));
  const turns = await watchTurns(system, user, 6, { tokens: 100, gate: { name: "given back", at: 90 } });
  await untilAllSpeak(turns);
  proxy.set("reset");
  const stopped = leaving.stop();
  await delay(800);
  proxy.set("pass");
  expect(await stopped).toBe(0);
  await Promise.all(others.map((worker) => system.restart(worker)));
  system.model.release("given back");
  await expectAgreement(system, turns);
  const [row] = await system.sql`
    select sum(crashes)::int as crashes, sum(hand_backs)::int as hand_backs from turns
    where id = any(${turns.map(({ turnId }) => turnId)}::uuid[])`;
  expect(row?.crashes).toBe(0);
  // On a slow machine the worker that takes over can lose its leases, too, and releases them.
  expect(row?.hand_backs).toBeGreaterThanOrEqual(turns.length);
});

test("a commit whose answer is lost is retried and takes effect once", { timeout: 60_000 }, async () => {
  await renewConnections();
  const tool = { name: "list_dir", arguments: {} };
  const turns = await watchTurns(system, user, 4, {
    tokens: 60,
    tool_depth: 1,
    tool,
    gate: { name: "armed", step: 0 },
  });
  const before = proxy.cuts();
  proxy.cutAnswerTo("commit_step_2(", 8);
  system.model.release("armed");
  await expectAgreement(system, turns);
  proxy.cutAnswerTo("commit_step_2(", 0);
  expect(proxy.cuts()).toBeGreaterThan(before);
});

test("a post that is retried with its key, because its commit's answer was lost, creates one message", {
  timeout: 60_000,
}, async () => {
  const [watched] = (await watchTurns(system, user, 1, { tokens: 2 })) as [WatchedTurn];
  await watched.subscriber.untilEnded(watched.turnId);
  await renewConnections();
  const before = proxy.cuts();
  proxy.cutAnswerTo("post_message_2(", 1);
  const content = markedScript(randomUUID(), { tokens: 5, interval_ms: 1 });
  const path = `/api/sessions/${watched.sessionId}/messages`;
  const { turn_id } = await persist<TurnAccepted>(system, user, path, { content });
  proxy.cutAnswerTo("post_message_2(", 0);
  expect(proxy.cuts()).toBe(before + 1);
  await expectAgreement(system, [watched]);
  const turns = await system.sql<{ id: string }[]>`
    select id from turns where session_id = ${watched.sessionId} order by ordinal`;
  expect(turns.map(({ id }) => id)).toEqual([watched.turnId, turn_id]);
});

/** Renews all connections: each sends the text of a statement only once, and afterwards uses a prepared one. */
async function renewConnections(): Promise<void> {
  proxy.set("reset");
  proxy.set("pass");
  for (const { url } of system.apis) while (!(await fetch(`${url}/readyz`)).ok) await delay(20);
}
