import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { type Client, dump, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

let owner: Client;
let stranger: Client;
/** The ids of the owner's and of the stranger's rows, by the name of the path parameter. */
let theirs: Record<string, string>;
let mine: Record<string, string>;

async function everything(client: Client) {
  const { projectId, sessionId } = await newSession(fixture, client);
  const posted = await client.call("POST", `/api/sessions/${sessionId}/messages`, { content: "x" });
  const { body: token } = await client.call("POST", "/api/me/tokens", { name: "other", scopes: ["read"] });
  return {
    ...{ project: projectId, session: sessionId, message: posted.body.message_id, turn: posted.body.turn_id },
    ...{ token: token.id, user: client.userId },
  };
}

beforeAll(async () => {
  [owner, stranger] = [await newClient(fixture), await newClient(fixture)];
  [theirs, mine] = [await everything(owner), await everything(stranger)];
});

/** Every route with an id in its path. */
const ROUTES: ["GET" | "POST" | "PATCH" | "DELETE", string, object?][] = [
  ["GET", "/api/projects/{project}"],
  ["PATCH", "/api/projects/{project}", { name: "mine" }],
  ["DELETE", "/api/projects/{project}"],
  ["GET", "/api/projects/{project}/file?path=a.txt"],
  ["GET", "/api/projects/{project}/tree"],
  ["GET", "/api/projects/{project}/files?q=a"],
  ["GET", "/api/projects/{project}/sessions"],
  ["POST", "/api/projects/{project}/sessions", {}],
  ["GET", "/api/projects/{project}/members"],
  ["POST", "/api/projects/{project}/members", { name: "x", role: "reader" }],
  ["DELETE", "/api/projects/{project}/members/{user}"],
  ["GET", "/api/sessions/{session}"],
  ["PATCH", "/api/sessions/{session}", { name: "mine" }],
  ["DELETE", "/api/sessions/{session}"],
  ["GET", "/api/sessions/{session}/messages"],
  ["POST", "/api/sessions/{session}/messages", { content: "x", when_busy: "interrupt" }],
  ["GET", "/api/sessions/{session}/messages/{message}"],
  ["GET", "/api/sessions/{session}/messages/{message}/citation"],
  ["DELETE", "/api/sessions/{session}/messages/{message}"],
  ["POST", "/api/sessions/{session}/regenerate"],
  ["POST", "/api/sessions/{session}/edit", { content: "x" }],
  ["POST", "/api/sessions/{session}/fork", { turn_id: randomUUID() }],
  ["GET", "/api/sessions/{session}/shares"],
  ["POST", "/api/sessions/{session}/shares", { turn_id: randomUUID() }],
  ["DELETE", "/api/sessions/{session}/shares/{share}"],
  ["GET", "/api/sessions/{session}/turns"],
  ["POST", "/api/sessions/{session}/cancel"],
  ["GET", "/api/sessions/{session}/turns/{turn}"],
  ["GET", "/api/sessions/{session}/turns/{turn}/messages"],
  ["GET", "/api/sessions/{session}/export"],
  ["DELETE", "/api/sessions/{session}/turns/{turn}"],
  ["DELETE", "/api/me/tokens/{token}"],
];

const fill = (url: string, ids: Record<string, string>) =>
  url.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? randomUUID());

/** The routes without an id: they serve what the caller owns, or what belongs to no user. */
const OTHERS: ["GET" | "POST" | "DELETE", string][] = [
  ["GET", "/api/me"],
  ["GET", "/api/me/tokens"],
  ["GET", "/api/me/shares"],
  ["GET", "/api/shares/{link}"],
  ["GET", "/api/me/grants"],
  ["POST", "/api/me/tokens"],
  ["GET", "/api/usage"],
  ["GET", "/api/admin/audit"],
  ["GET", "/api/admin/usage"],
  ["GET", "/api/me/export"],
  ["GET", "/api/admin/users"],
  ["GET", "/api/admin/users/{user}/grants"],
  ["POST", "/api/admin/users/{user}/grants"],
  ["DELETE", "/api/admin/users/{user}/grants/{grant}"],
  ["POST", "/api/admin/users"],
  ["GET", "/api/projects"],
  ["GET", "/api/sessions"],
  ["POST", "/api/projects"],
  ["GET", "/api/models"],
  ["POST", "/api/ws-tickets"],
];

/** The routes for administrators, who own nothing of what they change: users.test.ts. */
const ADMINISTRATORS: ["GET" | "POST" | "PATCH" | "DELETE", string][] = [
  ["GET", "/api/admin/users/{user}"],
  ["PATCH", "/api/admin/users/{user}"],
  ["DELETE", "/api/admin/users/{user}"],
  ["GET", "/api/admin/users/{user}/tokens"],
  ["POST", "/api/admin/users/{user}/tokens"],
  ["DELETE", "/api/admin/users/{user}/tokens/{token}"],
];

test("every route below /api is in this test", async () => {
  const { paths } = (await fixture.app.inject({ url: "/openapi.json" })).json();
  const described = Object.entries(paths as Record<string, object>)
    .filter(([path]) => path.startsWith("/api/"))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
  const withoutNames = (routes: string[]) =>
    routes.map((route) => route.replace(/\?.*/, "").replace(/\{\w+\}/g, "{}")).sort();
  expect(withoutNames(described)).toEqual(
    withoutNames([...ROUTES, ...OTHERS, ...ADMINISTRATORS].map(([method, url]) => `${method} ${url}`)),
  );
});

test.each(ROUTES)(
  "%s %s answers 404 for another user's and unknown ids, and changes nothing",
  async (method, url, body) => {
    const before = await dump(fixture);
    const unknown = {
      project: randomUUID(),
      session: randomUUID(),
      message: randomUUID(),
      turn: randomUUID(),
      token: randomUUID(),
      user: randomUUID(),
    };
    const mixed = { ...theirs, session: mine.session ?? "" };
    const asked = [fill(url, theirs), fill(url, unknown)];
    if (url.includes("message}") || url.includes("turn}")) asked.push(fill(url, mixed));
    for (const each of asked) {
      const answer = await stranger.call(method, each, body);
      expect([each, answer.status, answer.body.error?.code]).toEqual([each, 404, "not_found"]);
    }
    expect(await dump(fixture)).toEqual(before);
  },
);

test.each(ROUTES)("%s %s answers 400 for a malformed id, and changes nothing", async (method, url, body) => {
  const before = await dump(fixture);
  for (const id of ["1", "null", "%00", "..%2f..", `${randomUUID()}x`]) {
    const answer = await owner.call(
      method,
      fill(url, { project: id, session: id, message: id, turn: id, token: id, user: id }),
      body,
    );
    expect([id, answer.status, answer.body.error?.code]).toEqual([id, 400, "invalid_request"]);
  }
  expect(await dump(fixture)).toEqual(before);
});

test.each<["GET" | "POST" | "PATCH" | "DELETE", string, object?]>([...ROUTES, ...OTHERS, ...ADMINISTRATORS])(
  "%s %s answers 401 without a valid token, and changes nothing",
  async (method, url, body) => {
    const before = await dump(fixture);
    for (const authorization of ["", "Bearer", `Bearer boo_${"x".repeat(43)}`, `Basic ${owner.token}`, owner.token]) {
      const answer = await owner.call(method, fill(url, theirs), body, { authorization });
      expect([authorization, answer.status, answer.body.error?.code]).toEqual([authorization, 401, "unauthenticated"]);
    }
    expect(await dump(fixture)).toEqual(before);
  },
);

test("lists contain only what the caller owns", async () => {
  const projects = (await stranger.call("GET", "/api/projects")).body.projects;
  expect(projects.map((project: { id: string }) => project.id)).toEqual([mine.project]);
});
