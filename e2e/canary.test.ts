import { readdirSync, readFileSync } from "node:fs";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FASTIFY, type System, startSystem, type User } from "./harness/start-system.ts";
import { untilEnd } from "./harness/turn-end.ts";
import { subscribed, watchSession, watchUser } from "./harness/watch.ts";

/*
 * Secrets and texts that are recognized wherever they turn up. Every system test looks for tokens and questions in the log when
 * it stops; this one also provokes the errors that quote what was sent, and looks everywhere else.
 */

/** In each text that the user writes, and in what the model answers. */
const TEXT = "canary-7f3a-text";
const MODEL_KEY = "canary-model-key-51b0";

let system: System;
let redis: Redis;
let ada: User;
let bob: User;
/** Every token and ticket that was made. */
const secrets: string[] = [MODEL_KEY];
/** What the other user was sent. */
const seenByBob: string[] = [];

const api = () => system.apis[0]?.url as string;
const gateway = () => system.gateways[0]?.url as string;
const script = (more: object) => `${TEXT} [[script ${JSON.stringify({ tokens: 5, ...more })}]]`;

beforeAll(async () => {
  system = await startSystem({ env: { LLAMA_SWAP_API_KEY: MODEL_KEY, LOG_LEVEL: "debug" } });
  redis = connectRedis(system.redis.url);
  await untilRedisReady(redis, 5_000);
  [ada, bob] = [await system.addUser("ada"), await system.addUser("bob")];
  secrets.push(ada.token, bob.token);
});
afterAll(async () => {
  redis?.disconnect();
  await system?.stop();
});

/** A user works, and makes every kind of mistake; the other user follows the own lists and tries to read what the first has. */
async function work(): Promise<void> {
  const { body } = await ada.rest.request<{ token: string }>("POST", "/api/me/tokens", {
    name: TEXT,
    scopes: ["read"],
  });
  secrets.push(body.token);
  const lists = await subscribed(watchUser(gateway(), bob.token));
  const { id: project } = await ada.rest.project(FASTIFY);
  const { id: session } = await ada.rest.session(project, { name: TEXT, system_prompt: TEXT });
  const watch = await subscribed(watchSession(gateway(), ada.token, session));
  const turns = [
    script({ tool_depth: 1, tool: { name: "grep", arguments: { pattern: TEXT } } }),
    script({ tool_depth: 1, tool: { name: "view_file", arguments: { path: `${TEXT}/../../etc/passwd` } } }),
    script({ status: 400, body: { error: { message: `no ${TEXT}` } } }),
    script({ error_frame: { after_tokens: 2, frame: { error: { message: TEXT } } }, fail_first: 1 }),
  ];
  for (const [index, content] of turns.entries())
    await untilEnd(watch, (await ada.rest.post(session, content, {}, `${TEXT}-${index}`)).turn_id);

  const ticketOf = async () => {
    const made = await ada.rest.request<{ ticket: string }>("POST", "/api/ws-tickets");
    secrets.push(made.body.ticket);
    return made.body.ticket;
  };
  const used = await ticketOf();
  await (await subscribed(watchSession(gateway(), null, session, `?ticket=${used}`))).close();
  await watchSession(gateway(), null, session, `?ticket=${used}`).closed;
  await ticketOf();

  const raw = (url: string, init: RequestInit) => fetch(url, init).then((answer) => answer.text());
  const as = (token: string) => ({ authorization: `Bearer ${token}`, "content-type": "application/json" });
  for (const [path, init] of [
    [`/api/${TEXT}`, {}],
    [`/api/sessions/${TEXT}`, { headers: as(ada.token) }],
    [`/api/sessions/${session}/messages`, { method: "POST", headers: as(ada.token), body: `{"content": "${TEXT}` }],
    [`/api/sessions/${session}/messages`, { method: "POST", headers: as(ada.token), body: `{"${TEXT}": "${TEXT}"}` }],
    [`/api/projects`, { method: "POST", headers: as(ada.token), body: `{"name": "x", "path": "/${TEXT}"}` }],
    [`/api/me?token=${ada.token}`, { headers: as(`${ada.token}x`) }],
  ] as [string, RequestInit][]) {
    await raw(api() + path, init);
    await raw(gateway() + path, init);
  }
  await watchSession(gateway(), `${ada.token}x`, session).closed;
  watch.socket.send(TEXT);
  await watch.closed;

  for (const path of ["/api/projects", `/api/projects/${project}`, `/api/projects/${project}/sessions`, "/api/usage"]) {
    seenByBob.push(JSON.stringify((await bob.rest.request("GET", path)).body));
  }
  for (const path of ["", "/messages", "/turns"]) {
    seenByBob.push(JSON.stringify((await bob.rest.request("GET", `/api/sessions/${session}${path}`)).body));
  }
  // Follows from before the first turn, so that a subscriber with access would get every frame.
  const [begin] = watch.frames;
  const stolen = watchSession(
    gateway(),
    bob.token,
    session,
    begin?.type === "subscribed" ? `?cursor=${begin.cursor}` : "",
  );
  await stolen.closed;
  await lists.close();
  seenByBob.push(...[...stolen.frames, ...lists.frames].map((frame) => JSON.stringify(frame)));
  for (const service of [...system.apis, ...system.workers, ...system.gateways]) {
    seenByBob.push(await raw(`${service.url}/metrics`, {}), await raw(`${service.url}/readyz`, {}));
  }
}

/** The lines of the log that a text stands in, to see where it comes from. */
const linesWith = (text: string) => system.lines.filter((line) => line.includes(text));

/** Also finds what is stored as bytes, which Postgres shows in hexadecimal. */
const formsOf = (text: string) => [text, Buffer.from(text).toString("hex"), Buffer.from(text).toString("base64")];

const found = (text: string, wanted: string[]) =>
  wanted.filter((each) => formsOf(each).some((form) => text.includes(form)));

/** The command lines of all processes of this machine that can be read. */
function commandLines(): string {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    })
    .join("\n");
}

async function allOfRedis(): Promise<string> {
  const texts: string[] = [];
  for (const key of await redis.keys("*")) {
    const kind = await redis.type(key);
    const value =
      kind === "string"
        ? await redis.get(key)
        : kind === "hash"
          ? await redis.hgetall(key)
          : kind === "stream"
            ? await redis.xrange(key, "-", "+")
            : kind === "zset"
              ? await redis.zrange(key, 0, "-1")
              : kind === "list"
                ? await redis.lrange(key, 0, "-1")
                : await redis.smembers(key);
    texts.push(key, JSON.stringify(value));
  }
  return texts.join("\n");
}

async function allOfPostgres(): Promise<string> {
  const tables = await system.sql`select tablename from pg_tables where schemaname = current_schema()`;
  const rows = [];
  for (const { tablename } of tables)
    rows.push(...(await system.sql`select to_jsonb(t)::text as row from ${system.sql(String(tablename))} t`));
  return rows.map(({ row }) => row).join("\n");
}

test("no secret is stored or logged, and no text of a user reaches a log, a process list or another user", async () => {
  await work();
  const log = system.lines.join("\n");
  const [stored, cached] = [await allOfPostgres(), await allOfRedis()];
  expect(secrets).toHaveLength(6);
  // The places are searched for what must be there first: a search that finds nothing anywhere would prove nothing.
  expect([found(stored, [TEXT]), found(cached, ["ticket"]), log.length > 1_000]).toEqual([[TEXT], ["ticket"], true]);
  expect(commandLines()).toContain("dist/worker/main.mjs");
  expect({
    log: [...secrets, TEXT].flatMap(linesWith),
    stored: found(stored, secrets),
    cached: found(cached, secrets),
    processes: found(commandLines(), [...secrets, TEXT]),
    bob: found(seenByBob.join("\n"), [...secrets, TEXT]),
  }).toEqual({ log: [], stored: [], cached: [], processes: [], bob: [] });
});
