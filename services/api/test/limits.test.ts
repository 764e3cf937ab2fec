import { LIMIT_NAMES, LIMITS } from "@boocode/contracts";
import { changeUser } from "@boocode/store";
import { expect, test } from "vitest";
import { type Client, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

const limited = async (limits: object, options: Parameters<typeof newClient>[1] = {}): Promise<Client> => {
  const client = await newClient(fixture, options);
  await changeUser(fixture.pool, "operator", client.userId, { limits });
  return client;
};
const post = (client: Client, sessionId: string) =>
  client.call("POST", `/api/sessions/${sessionId}/messages`, { content: "why?" });

test("every request says what is left of its rates; past one, the answer is 429 with the time to wait", async () => {
  const client = await limited({ requests_per_minute: 3 });
  const answers = [];
  for (let n = 0; n < 4; n++) answers.push(await client.call("GET", "/api/projects"));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
  expect(answers[0]?.headers).toMatchObject({
    "ratelimit-policy": '"requests_per_minute";q=3;w=60',
    ratelimit: '"requests_per_minute";r=2;t=0',
  });
  const { body, headers } = answers[3] ?? {};
  expect(body.error).toMatchObject({ code: "rate_limited" });
  const wait = Number(headers?.["retry-after"]);
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(20);
  expect(headers?.ratelimit).toBe(`"requests_per_minute";r=0;t=${wait}`);
  const other = await newClient(fixture);
  expect((await other.call("GET", "/api/projects")).status).toBe(200);
});

test("every route that queues a turn counts as a post", async () => {
  const paths = (await (await newClient(fixture)).call("GET", "/openapi.json")).body.paths as Record<string, object>;
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { responses }]) =>
      JSON.stringify(responses).includes("/TurnAccepted") ? [`${method} ${path}`] : [],
    ),
  );
  expect(routes.sort()).toEqual([
    ...["post /api/sessions/{id}/edit", "post /api/sessions/{id}/messages", "post /api/sessions/{id}/regenerate"],
  ]);
  for (const path of routes.map((route) => route.split("/").at(-1))) {
    const client = await limited({ posts_per_minute: 2 });
    const { sessionId } = await newSession(fixture, client);
    const body = path === "regenerate" ? undefined : { content: "why?" };
    const send = () => client.call("POST", `/api/sessions/${sessionId}/${path}`, body);
    const first = await send();
    expect(first.headers["ratelimit-policy"]).toContain('"posts_per_minute";q=2;w=60');
    await send();
    expect([path, (await send()).body.error.code]).toEqual([path, "rate_limited"]);
    const [message] = (await client.call("GET", `/api/sessions/${sessionId}/messages`)).body.messages ?? [];
    expect(message?.content ?? null).toBe(path === "messages" ? "why?" : null);
  }
});

test("a user sends a sixth of the posts of a minute at once, and the answer says so", async () => {
  const client = await newClient(fixture);
  const { sessionId } = await newSession(fixture, client);
  const first = await post(client, sessionId);
  expect([first.status, first.headers["ratelimit-policy"]]).toEqual([
    202,
    '"requests_per_minute";q=3000;w=60, "posts_per_minute";q=20;w=10',
  ]);
  const rest = await Promise.all(Array.from({ length: 60 }, () => post(client, sessionId)));
  const refused = rest.filter(({ status }) => status === 429);
  // Two more for each second that this takes.
  expect(refused.length).toBeGreaterThan(20);
  expect(refused[0]?.headers["retry-after"]).toBe("1");
  expect(refused[0]?.body.error.message).toContain("120 a minute are allowed, 20 of them at once");
});

test("every route that queues a turn is refused at the limit of waiting turns, with the limit in the answer", async () => {
  const client = await limited({ turns_waiting: 1 });
  const { sessionId } = await newSession(fixture, client);
  const { sessionId: other } = await newSession(fixture, client);
  expect((await post(client, other)).status).toBe(202);
  await fixture.pool`update turns set status = 'complete' where session_id = ${other}`;
  expect((await post(client, sessionId)).status).toBe(202);
  for (const answer of [
    await post(client, sessionId),
    await post(client, other),
    await client.call("POST", `/api/sessions/${other}/regenerate`),
  ]) {
    expect([answer.status, answer.body.error.code]).toEqual([429, "quota_exceeded"]);
    expect(answer.body.error.message).toBe(
      `the limit of 1 ${LIMITS.turns_waiting.of} is reached; it has room again when some are gone`,
    );
    expect(answer.headers).toMatchObject({ "retry-after": "5", "ratelimit-policy": '"turns_waiting";q=1' });
  }
});

test("a day's limit names the seconds until the next day", async () => {
  const client = await limited({ bytes_per_day: 1 });
  const { sessionId } = await newSession(fixture, client);
  expect((await post(client, sessionId)).status).toBe(202);
  const { body, headers } = await post(client, sessionId);
  expect(body.error).toMatchObject({ code: "quota_exceeded", message: expect.stringContaining("0:00 UTC") });
  const wait = Number(headers["retry-after"]);
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(86_400);
});

test("a user has no more sessions than allowed, and deleting one makes room", async () => {
  const client = await limited({ sessions: 1 });
  const { projectId, sessionId } = await newSession(fixture, client);
  const create = () => client.call("POST", `/api/projects/${projectId}/sessions`, {});
  expect((await create()).body.error).toMatchObject({ code: "quota_exceeded" });
  await client.call("DELETE", `/api/sessions/${sessionId}`);
  expect((await create()).status).toBe(201);
});

test("the caller sees the limits and what of them is used; an administrator sets them for one user", async () => {
  const [client, admin] = [await newClient(fixture), await newClient(fixture, { role: "admin", scopes: ["admin"] })];
  const { sessionId } = await newSession(fixture, client);
  await post(client, sessionId);
  const { limits } = (await client.call("GET", "/api/me")).body;
  expect(Object.keys(limits)).toEqual(LIMIT_NAMES);
  expect(limits).toMatchObject({
    requests_per_minute: { limit: LIMITS.requests_per_minute.default, used: null },
    turns_waiting: { limit: LIMITS.turns_waiting.default, used: 1 },
    sessions: { limit: LIMITS.sessions.default, used: 1 },
    stored_bytes: { limit: LIMITS.stored_bytes.default, used: 4 },
  });
  const path = `/api/admin/users/${client.userId}`;
  const changed = await admin.call("PATCH", path, { limits: { sessions: 1, turns_waiting: null } });
  expect(changed.body.limits).toEqual({ sessions: 1, turns_waiting: null });
  const own = (await client.call("GET", "/api/me")).body.limits;
  expect([own.sessions.limit, own.turns_waiting.limit]).toEqual([1, null]);
  expect((await admin.call("PATCH", path, { limits: { session: 1 } })).status).toBe(400);
  expect((await client.call("PATCH", path, { limits: null })).status).toBe(403);
});

test("failed sign-ins from one address are refused after a while; new tokens and known ones from there are still served", async () => {
  const client = await newClient(fixture);
  await client.call("GET", "/api/me");
  const guess = (n: number) =>
    fixture.app.inject({ url: "/api/me", headers: { authorization: `Bearer boo_${String(n).padStart(43, "0")}` } });
  const statuses = [];
  for (let n = 0; n < 65; n++) statuses.push((await guess(n)).statusCode);
  expect(new Set(statuses.slice(0, 60))).toEqual(new Set([401]));
  expect(statuses).toContain(429);
  const last = await guess(70);
  if (last.statusCode === 429) expect(Number(last.headers["retry-after"])).toBeGreaterThan(0);
  const newcomer = await newClient(fixture);
  const flood = Promise.all(Array.from({ length: 200 }, (_, n) => guess(100 + n)));
  expect((await client.call("GET", "/api/me")).status).toBe(200);
  expect((await fixture.app.inject({ url: "/api/me" })).statusCode).toBe(401);
  await flood;
  await guess(80);
  expect((await newcomer.call("GET", "/api/me")).status).toBe(200);
});

test("the description has both error codes and their headers on every route that can answer them", async () => {
  const paths = (await (await newClient(fixture)).call("GET", "/openapi.json")).body.paths as Record<string, object>;
  const operations = Object.entries(paths).flatMap(([path, byMethod]) =>
    path.startsWith("/api/") ? Object.values(byMethod) : [],
  );
  expect(operations.length).toBeGreaterThan(40);
  for (const { operationId, responses } of operations) {
    const limit = responses["429"];
    expect([operationId, limit?.description]).toEqual([operationId, expect.stringContaining("`rate_limited`")]);
    expect(Object.keys(limit.headers)).toEqual(["Retry-After", "RateLimit-Policy", "RateLimit"]);
  }
  const named = (code: string) =>
    operations.flatMap(({ operationId, responses }) =>
      responses["429"].description.includes(`\`${code}\``) ? [operationId] : [],
    );
  expect(named("quota_exceeded").sort()).toEqual([
    "createSession",
    "createShare",
    "editQuestion",
    "forkSession",
    "postMessage",
    "regenerateAnswer",
  ]);
});
