import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { brokenInvariants, untilAllEnded, viewersAgree } from "../harness/invariants.ts";
import { markedScript } from "../harness/marked-text.ts";
import { createRandom, type Random } from "../harness/random.ts";
import { createRest } from "../harness/rest.ts";
import { FASTIFY, startSystem } from "../harness/start-system.ts";
import { startTcpProxy, type TcpProxy, through } from "../harness/tcp-proxy.ts";
import { openViewer, type Viewer } from "../harness/viewer.ts";
import { createFaults } from "./chaos/faults.ts";

/*
 * Every kind of fault at random times, from a seed: `npm run chaos -- --seed N --minutes M`. The same seed makes the same
 * choices again.
 */
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));
const durationMs = Number(process.env.CHAOS_MINUTES ?? 0.4) * 60_000;

test(`a mixed run with seed ${seed} breaks no invariant`, { timeout: durationMs + 240_000 }, async () => {
  let proxy: TcpProxy | undefined;
  const system = await startSystem({
    apis: 2,
    workers: 3,
    gateways: 2,
    privatePostgres: true,
    env: { RECONNECT_SPREAD_MS: "500" },
    route: async ({ databaseUrl, redisUrl }) => {
      const { hostname, port } = new URL(databaseUrl);
      proxy = await startTcpProxy({ host: hostname, port: Number(port) });
      return { databaseUrl: through(databaseUrl, proxy), redisUrl };
    },
  });
  // One generator for each actor: what one of them chooses does not depend on how fast the others are.
  const [havocs, ...postersRandom] = [0, 1, 2, 3].map((actor) => createRandom(seed + actor * 7_919)) as [
    Random,
    ...Random[],
  ];
  const user = await system.addUser("ada");
  const project = await user.rest.project(FASTIFY);
  const until = performance.now() + durationMs;
  const acknowledged: string[] = [];
  const viewers: Viewer[] = [];
  const sessions: string[] = [];
  const faults = createFaults(system, proxy as TcpProxy, havocs);

  /** A user who does not give up: the same request under the same key until it is answered. */
  async function post(sessionId: string, content: string): Promise<void> {
    const key = randomUUID();
    for (let attempt = 0; attempt < 60; attempt++) {
      const rest = createRest(() => system.apis[attempt % 2]?.url as string, user.token);
      const answer = await rest
        .request<{ turn_id: string }>(
          "POST",
          `/api/sessions/${sessionId}/messages`,
          { content },
          { "idempotency-key": key },
        )
        .catch(() => null);
      if (answer?.status === 202) return void acknowledged.push(answer.body.turn_id);
      if (answer && answer.status < 500) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
      await delay(200);
    }
    throw new Error("a post was not accepted in 12 s of trying");
  }

  async function anySession(random: Random): Promise<string> {
    if (sessions.length > 3 && random.below(2) === 0) return sessions[random.below(sessions.length)] as string;
    for (;;) {
      const session = await user.rest.session(project.id, { name: "chaos", model: "words" }).catch(() => null);
      if (!session) {
        await delay(200);
        continue;
      }
      sessions.push(session.id);
      if (viewers.length < 40)
        viewers.push(openViewer(system, user, session.id, { gateway: random.below(2), api: random.below(2) }));
      return session.id;
    }
  }

  const users = Promise.all(
    postersRandom.map(async (random) => {
      while (performance.now() < until) {
        const sessionId = await anySession(random);
        const tokens = 20 + random.below(150);
        await post(sessionId, markedScript(randomUUID(), { tokens, interval_ms: 10 }));
        if (random.below(10) === 0) await user.rest.cancel(sessionId).catch(() => null);
        await delay(50 + random.below(300));
      }
    }),
  );
  const havoc = (async () => {
    while (performance.now() < until) {
      await delay(200 + havocs.below(800));
      await faults.next();
    }
    await faults.calm();
  })();
  await Promise.all([users, havoc]);
  await untilAllEnded(system, 90_000);

  const broken = [...(await viewersAgree(system, viewers, 30_000)), ...(await brokenInvariants(system))];
  const known = await system.sql<{ id: string }[]>`select id from turns`;
  const lost = acknowledged.filter((id) => !known.some((turn) => turn.id === id));
  const silences = viewers.map((viewer) => viewer.longestSilenceMs()).sort((a, b) => a - b);
  console.log(
    `seed ${seed}: ${known.length} turns, ${faults.count()} faults (${faults.summary()}), ` +
      `${broken.length} broken invariants, silence p50 ${silences[silences.length >> 1]?.toFixed(0)} ms, ` +
      `max ${silences.at(-1)?.toFixed(0)} ms`,
  );
  expect(lost).toEqual([]);
  expect(broken).toEqual([]);
  await Promise.all(viewers.map((viewer) => viewer.close()));
  await system.stop();
  await proxy?.close();
});
