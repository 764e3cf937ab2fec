import type { ModelList, SessionFrame } from "@boocode/contracts";
import { type ScriptedModel, startScriptedModel } from "@boocode/scripted-model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FASTIFY, ONLY_PUBLISHED, type System, startSystem, type User } from "./harness/start-system.ts";
import { untilEnd } from "./harness/turn-end.ts";
import { subscribed, type Watch, watchSession } from "./harness/watch.ts";

const LEASE_MS = 1_000;
let system: System;
let ada: User;
/** `a` takes one request at a time, one model of `b` takes two; both are separate from the system's own server. */
let a: ScriptedModel;
let b: ScriptedModel;

beforeAll(async () => {
  a = await startScriptedModel({ modelStatus: { investigator: "unloaded", words: "unloaded" } });
  b = await startScriptedModel({ scripts: { "only-b": { tokens: 2 }, "org/slashed": { tokens: 2 } } });
  const servers = [
    { name: "a", url: `${a.url}/v1/`, max_concurrent: 1, api_key_env: "KEY_OF_A" },
    { name: "b", url: b.url, max_concurrent_per_model: 2, context_size: 9_000 },
  ];
  system = await startSystem({
    workers: 2,
    env: {
      ...ONLY_PUBLISHED,
      LLAMA_SWAP_URL: "",
      MODEL_SERVERS: JSON.stringify(servers),
      KEY_OF_A: "a secret",
      MODEL_SLOT_LEASE_MS: String(LEASE_MS),
      // A user holds at most three of them.
      WORKER_CONCURRENCY: "4",
      LEASE_MS: "2000",
      HEARTBEAT_MS: "300",
    },
  });
  ada = await system.addUser("ada");
});
afterAll(async () => {
  const violations = [...a.violations(), ...b.violations()];
  await system.stop();
  // The last test has already closed them.
  await Promise.allSettled([a.close(), b.close()]);
  expect(violations).toEqual([]);
});

async function talk(model: string | null, user = ada): Promise<{ id: string; watch: Watch<SessionFrame> }> {
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { name: "named", ...(model === null ? {} : { model }) });
  const watch = await subscribed(
    watchSession(system.gateways[0]?.url as string, user.token, session.id, "?cursor=0.0.0.0"),
  );
  return { id: session.id, watch };
}
const ask = async (sessionId: string, script: object, user = ada) =>
  (await user.rest.post(sessionId, `[[script ${JSON.stringify(script)}]]`)).turn_id;
const isWaiting = (frame: SessionFrame) => frame.type === "turn_waiting" && frame.reason === "slot";

test("the models of all servers are listed under the names that sessions use, and one is the default", async () => {
  const { body } = await ada.rest.request<ModelList>("GET", "/api/models");
  expect(body.servers).toEqual([
    { name: "a", status: "ok", error: null },
    { name: "b", status: "ok", error: null },
  ]);
  const ids = body.models.map(({ id }) => id);
  expect(ids).toContain("a/words");
  expect(ids).toContain("b/org/slashed");
  // The default is the first loaded model, which a session without a model gets.
  const preferred = body.models.filter((model) => model.default);
  expect(preferred).toMatchObject([{ id: "a/slow", server: "a", loaded: true }]);
  const { id, watch } = await talk(null);
  await ask(id, { tokens: 1, key: id });
  await untilEnd(watch);
  expect(a.requests().find(({ key }) => key === id)?.model).toBe("slow");
  await watch.close();
});

test.each([
  ["b/words", "b", "words"],
  ["only-b", "b", "only-b"],
  ["org/slashed", "b", "org/slashed"],
  ["words", "a", "words"],
])("a session that names %s is answered by server %s with its model %s", async (name, server, model) => {
  const { id, watch } = await talk(name);
  await ask(id, { tokens: 1, key: `${id} ${name}` });
  expect(await untilEnd(watch)).toMatchObject({ status: "complete" });
  const seen = { a, b }[server as "a" | "b"].requests().find(({ key }) => key === `${id} ${name}`);
  expect(seen?.model).toBe(model);
  expect(watch.frames.find((frame) => frame.type === "message_started")).toMatchObject({ model: `${server}/${model}` });
  await watch.close();
});

test("a server's limit holds across all workers, first come, first served, and waiting turns are notified", async () => {
  a.reset();
  const talks = await Promise.all(Array.from({ length: 4 }, () => talk("a/words")));
  for (const [place, { id, watch }] of talks.entries()) {
    await ask(id, { tokens: 2, interval_ms: 5, gate: { name: `go ${place}` }, key: String(place) });
    if (place === 0) await a.reached("go 0");
    else expect(await watch.until(isWaiting)).toMatchObject({ ahead: place - 1 });
  }
  expect(a.requests()).toHaveLength(1);
  // Another server is not affected.
  const other = await talk("b/words");
  await ask(other.id, { tokens: 1 });
  expect(await untilEnd(other.watch)).toMatchObject({ status: "complete" });

  for (const [place, { watch }] of talks.entries()) {
    await a.reached(`go ${place}`);
    a.release(`go ${place}`);
    expect(await untilEnd(watch)).toMatchObject({ status: "complete" });
  }
  const requests = a.requests();
  expect(requests.map(({ key }) => key)).toEqual(["0", "1", "2", "3"]);
  for (const [index, request] of requests.entries()) {
    expect(request.at).toBeGreaterThanOrEqual(requests[index - 1]?.endedAt ?? 0);
  }
  const workers = await system.sql<{ worker_id: string }[]>`
    select distinct worker_id from turns where session_id = any(${talks.map(({ id }) => id)}::uuid[])`;
  expect(workers).toHaveLength(2);
  await Promise.all([...talks, other].map(({ watch }) => watch.close()));
});

test("a limit per model does not block other models of the server", async () => {
  b.reset();
  const talks = await Promise.all(["b/words", "b/words", "b/words", "b/only-b"].map((model) => talk(model)));
  for (const [place, { id, watch }] of talks.entries()) {
    await ask(id, { tokens: 1, gate: "all", key: String(place) });
    if (place === 2) await watch.until(isWaiting);
    else await b.until(({ key }) => key === String(place));
  }
  expect(b.requests().map(({ key }) => key)).toEqual(["0", "1", "3"]);
  b.release("all");
  for (const { watch } of talks) expect(await untilEnd(watch)).toMatchObject({ status: "complete" });
  await Promise.all(talks.map(({ watch }) => watch.close()));
});

test("the next slot goes to the user who holds fewest, although another has waited longer", async () => {
  b.reset();
  const bob = await system.addUser("bob");
  const users = [ada, ada, ada, bob];
  const talks = await Promise.all(users.map((user) => talk("b/words", user)));
  for (const [place, { id, watch }] of talks.entries()) {
    await ask(id, { tokens: 1, gate: { name: `go ${place}` }, key: String(place) }, users[place]);
    if (place < 2) await b.reached(`go ${place}`);
    else await watch.until(isWaiting);
  }
  b.release("go 0");
  await b.reached("go 3");
  expect(b.requests().map(({ key }) => key)).toEqual(["0", "1", "3"]);
  for (const place of [1, 2, 3]) b.release(`go ${place}`);
  for (const { watch } of talks) expect(await untilEnd(watch)).toMatchObject({ status: "complete" });
  await Promise.all(talks.map(({ watch }) => watch.close()));
});

test("a turn that waits for a slot is cancelled at once, and later ones move up", async () => {
  a.reset();
  const [first, second, third] = await Promise.all([talk("a/words"), talk("a/words"), talk("a/words")]);
  await ask(first.id, { tokens: 1, gate: "hold", key: "first" });
  await a.reached("hold");
  await ask(second.id, { tokens: 1, key: "second" });
  await second.watch.until(isWaiting);
  await ask(third.id, { tokens: 1, key: "third" });
  await third.watch.until(isWaiting);
  const waits = () => Promise.all([first, second, third].map(async ({ id }) => (await ada.rest.turns(id))[0]?.waiting));
  await expect.poll(waits).toEqual([null, { reason: "slot", ahead: 0 }, { reason: "slot", ahead: 1 }]);
  await ada.rest.cancel(second.id);
  expect(await untilEnd(second.watch)).toMatchObject({ status: "cancelled" });
  a.release("hold");
  expect(await untilEnd(third.watch)).toMatchObject({ status: "complete" });
  expect(a.requests().map(({ key }) => key)).toEqual(["first", "third"]);
  await Promise.all([first, second, third].map(({ watch }) => watch.close()));
});

test("the slot of a dead worker is free when its lease expires", async () => {
  a.reset();
  const holder = await talk("a/words");
  // Its second attempt answers. Either turn may be claimed first, since one worker may have held both.
  const turn = await ask(holder.id, { tokens: 1, stall: 0, fail_first: 1, key: "holder" });
  await a.until(({ key }) => key === "holder");
  const next = await talk("a/words");
  await ask(next.id, { tokens: 1, key: "next" });
  await next.watch.until(isWaiting);
  const [row] = await system.sql<{ worker_id: string }[]>`select worker_id from turns where id = ${turn}`;
  const victim = system.workers.find(({ pid }) => row?.worker_id.endsWith(`-${pid}`));
  victim?.process.kill("SIGKILL");
  await victim?.exited;
  expect(await untilEnd(next.watch)).toMatchObject({ status: "complete" });
  expect(await untilEnd(holder.watch)).toMatchObject({ status: "complete" });
  await Promise.all([holder, next].map(({ watch }) => watch.close()));
});

test("an absent server is reported and hides no other; without any server the list is an error", async () => {
  await a.close();
  const until = async (fits: (answer: { status: number; body: ModelList }) => boolean) => {
    for (;;) {
      const answer = await ada.rest.request<ModelList>("GET", "/api/models");
      if (fits(answer)) return answer;
    }
  };
  const { body } = await until((answer) => answer.body.servers?.[0]?.status === "away");
  expect(body.servers?.[0]).toEqual({ name: "a", status: "away", error: "the connection was refused" });
  expect(new Set(body.models.map(({ server }) => server))).toEqual(new Set(["b"]));
  expect(body.models.filter((model) => model.default)).toMatchObject([{ id: "b/investigator" }]);
  await b.close();
  const failed = await until((answer) => answer.status !== 200);
  expect(failed).toMatchObject({ status: 502, body: { error: { code: "model_server_unavailable" } } });
});
