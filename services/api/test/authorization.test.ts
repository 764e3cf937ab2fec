import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import type { Scope } from "@boocode/contracts";
import { beforeAll, describe, expect, test } from "vitest";
import { ROUTES } from "../src/routes.ts";
import { type Client, clientOf, dump, newClient, newSession, useApi } from "./fixture.ts";

/*
 * The authorization matrix: every route (from app.ts and the OpenAPI description) × every kind of caller × every scope. A route
 * without a row here fails. Who may do what with the sessions of others: libs/store/src/sharing/rights.ts.
 */

// Without limits, because many thousands of sign-ins fail here.
const fixture = useApi({ limits: null });

/** An enabled user with all scopes: the project's owner, whom it is shared with, and who has nothing to do with it. */
const CALLERS = ["owner", "member", "reader", "stranger", "administrator"] as const;
type Who = (typeof CALLERS)[number];

interface Row {
  /** Who may. Anyone else who can read the object is answered 403, and who cannot 404. */
  may: readonly Who[];
  /** Of a session, turn or message: whose it is; default: the owner's. */
  of?: "owner" | "member";
  body?: object;
  query?: string;
  /** What has to happen before, in the caller's own world. */
  before?: (world: World) => Promise<unknown>;
}

const READERS = ["owner", "member", "reader"] as const;
const EVERYBODY = CALLERS;
const ADMINISTRATOR = ["administrator"] as const;

/** By operation; a second row of an operation says what is allowed with what belongs to a member. */
const MATRIX: Record<string, Row[]> = {
  getMe: [{ may: EVERYBODY }],
  exportMe: [{ may: EVERYBODY }],
  listTokens: [{ may: EVERYBODY }],
  listOwnGrants: [{ may: EVERYBODY }],
  createToken: [{ may: EVERYBODY, body: { name: "x", scopes: ["read"] } }],
  // Each revokes the owner's token: only the owner has it.
  revokeToken: [{ may: ["owner"] }],
  getUsage: [{ may: EVERYBODY }],
  listModels: [{ may: EVERYBODY }],
  makeTicket: [{ may: EVERYBODY }],

  listProjects: [{ may: EVERYBODY }],
  createProject: [{ may: EVERYBODY, body: { name: "x", path: "{root}" } }],
  getProject: [{ may: READERS }],
  getFile: [{ may: READERS, query: "?path=a.txt" }],
  listFolder: [{ may: READERS }],
  findFiles: [{ may: READERS, query: "?q=a" }],
  changeProject: [{ may: ["owner"], body: { name: "x" } }],
  deleteProject: [{ may: ["owner"] }],
  listMembers: [{ may: READERS }],
  setMember: [{ may: ["owner"], body: { name: "{stranger}", role: "reader" } }],
  // Each removes the member, who may leave.
  removeMember: [{ may: ["owner", "member"] }],

  listSessions: [{ may: READERS }],
  listAllSessions: [{ may: EVERYBODY }],
  createSession: [{ may: ["owner", "member"], body: {} }],
  getSession: [{ may: READERS }],
  changeSession: [
    { may: ["owner"], body: { name: "x" } },
    { may: ["owner", "member"], of: "member", body: { name: "x" } },
  ],
  deleteSession: [{ may: ["owner"] }, { may: ["owner", "member"], of: "member" }],
  listMessages: [{ may: READERS }],
  getMessage: [{ may: READERS }],
  getCitation: [{ may: READERS }],
  postMessage: [{ may: ["owner", "member"], body: { content: "x" } }],
  deleteMessages: [{ may: ["owner"] }, { may: ["owner", "member"], of: "member" }],
  regenerateAnswer: [
    { may: ["owner"], before: (world) => world.withdraw("owner") },
    { may: ["member"], of: "member", before: (world) => world.withdraw("member") },
  ],
  editQuestion: [
    { may: ["owner"], body: { content: "x" } },
    { may: ["member"], of: "member", body: { content: "x" } },
  ],
  createShare: [
    { may: ["owner"], body: { turn_id: "{turn}" }, before: (world) => world.withdraw("owner") },
    {
      may: ["owner", "member"],
      of: "member",
      body: { turn_id: "{turn}" },
      before: (world) => world.withdraw("member"),
    },
  ],
  listShares: [{ may: READERS }],
  listOwnShares: [{ may: EVERYBODY }],
  readShare: [{ may: EVERYBODY, before: (world) => world.share("owner") }],
  revokeShare: [
    { may: ["owner"], before: (world) => world.share("owner") },
    { may: ["owner", "member"], of: "member", before: (world) => world.share("member") },
  ],
  forkSession: [{ may: ["owner", "member"], body: { turn_id: "{turn}" }, before: (world) => world.withdraw("owner") }],
  listTurns: [{ may: READERS }],
  getTurn: [{ may: READERS }],
  listTurnMessages: [{ may: READERS }],
  exportSession: [{ may: READERS }],
  cancelTurn: [{ may: ["owner"] }, { may: ["owner", "member"], of: "member" }],
  withdrawTurn: [{ may: ["owner"] }, { may: ["owner", "member"], of: "member" }],

  listUsers: [{ may: ADMINISTRATOR }],
  createUser: [{ may: ADMINISTRATOR, body: { name: "{new}" } }],
  getUser: [{ may: ADMINISTRATOR }],
  changeUser: [{ may: ADMINISTRATOR, body: { disabled: true } }],
  deleteUser: [{ may: ADMINISTRATOR }],
  listUserTokens: [{ may: ADMINISTRATOR }],
  // Refused even to administrators for a user with data, which they must not read.
  createUserToken: [{ may: [], body: { name: "x", scopes: ["read"] } }],
  revokeUserToken: [{ may: ADMINISTRATOR }],
  listGrants: [{ may: ADMINISTRATOR }],
  createGrant: [{ may: ADMINISTRATOR, body: { path: "{root}/x" } }],
  deleteGrant: [{ may: ADMINISTRATOR }],
  listAudit: [{ may: ADMINISTRATOR }],
  getUsageOfUsers: [{ may: ADMINISTRATOR }],
};

type Method = Parameters<Client["call"]>[0];
let paths: Record<string, { method: Method; path: string }>;

beforeAll(async () => {
  mkdirSync(`${fixture.root}/x`);
  writeFileSync(`${fixture.root}/a.txt`, "a\n");
  const { paths: described } = (await fixture.app.inject({ url: "/openapi.json" })).json();
  const operations = Object.entries(described as Record<string, Record<string, { operationId: string }>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [
        operationId,
        { method: method.toUpperCase() as Method, path },
      ]),
  );
  paths = Object.fromEntries(operations);
});

/** Users, a shared project, and in it a session with a waiting turn of the owner and one of the member. */
interface World {
  users: Record<Who, Client>;
  /** The ids in the paths, by whose session is meant and by the path and the parameter's name. */
  url(path: string, of: "owner" | "member"): string;
  body(body: object | undefined, of: "owner" | "member"): object | undefined;
  withdraw(of: "owner" | "member"): Promise<unknown>;
  /** Shares that session up to its turn, which it withdraws. */
  share(of: "owner" | "member"): Promise<unknown>;
}

async function newWorld(): Promise<World> {
  const scopes: Scope[] = ["read", "ask", "admin"];
  const users = {} as Record<Who, Client>;
  for (const who of CALLERS) {
    users[who] = await newClient(fixture, { role: who === "administrator" ? "admin" : "user", scopes });
  }
  const { projectId, sessionId } = await newSession(fixture, users.owner);
  for (const role of ["member", "reader"] as const) {
    const { userId: name } = users[role];
    await users.owner.call("POST", `/api/projects/${projectId}/members`, { name, role });
  }
  const { body: own } = await users.member.call("POST", `/api/projects/${projectId}/sessions`, {});
  const post = async (who: Who, session: string) => ({
    session,
    ...(await users[who].call("POST", `/api/sessions/${session}/messages`, { content: "x" })).body,
  });
  const asked = { owner: await post("owner", sessionId), member: await post("member", own.id) };
  const citations = [{ start: 0, end: 6, path: "a.ts", first: 1, last: 1, level: "shown" }];
  await fixture.pool`
    update messages set citations = ${fixture.pool.json(citations)} where session_id in (${sessionId}, ${own.id})`;
  const { body: token } = await users.owner.call("POST", "/api/me/tokens", { name: "x", scopes: ["read"] });
  const { userId } = users.owner;
  let share = { id: randomUUID(), token: "none" };
  const withdraw = (of: "owner" | "member") =>
    users[of].call("DELETE", `/api/sessions/${asked[of].session}/turns/${asked[of].turn_id}`);
  const [grant] = await fixture.pool<{ id: string }[]>`select id from grants where user_id = ${userId}`;

  return {
    users,
    url(path, of) {
      const ids: Record<string, string | undefined> = {
        ...{ turnId: asked[of].turn_id, messageId: asked[of].message_id, userId: users.member.userId },
        ...{ tokenId: token.id, grantId: grant?.id, shareId: share.id, token: share.token },
      };
      if (path.startsWith("/api/projects/")) ids.id = projectId;
      if (path.startsWith("/api/sessions/")) ids.id = asked[of].session;
      if (path.startsWith("/api/me/tokens/")) ids.id = token.id;
      if (path.startsWith("/api/admin/users/")) ids.id = userId;
      return path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? expect.fail(`${path}: ${name}`));
    },
    body(body, of) {
      const values: Record<string, string> = {
        ...{ root: fixture.root, stranger: users.stranger.userId, new: randomUUID() },
        ...{ turn: asked[of].turn_id },
      };
      return body && JSON.parse(JSON.stringify(body).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all));
    },
    withdraw,
    async share(of) {
      await withdraw(of);
      const url = `/api/sessions/${asked[of].session}/shares`;
      ({ body: share } = await users[of].call("POST", url, { turn_id: asked[of].turn_id }));
    },
  };
}

const operations = Object.values(ROUTES).flatMap((routes) => Object.keys(routes));
const rows = Object.entries(MATRIX).flatMap(([name, each]) =>
  each.map((row) => ({ name, of: row.of ?? "owner", row })),
);
const scopeOf = (name: string) => (Object.keys(ROUTES) as Scope[]).find((scope) => name in ROUTES[scope]) as Scope;

/** The answer to a caller who may not. */
function refusalOf(name: string, who: Who, path: string): number {
  if (scopeOf(name) === "admin") return 403;
  return /^\/api\/(projects|sessions)\//.test(path) && READERS.includes(who as never) ? 403 : 404;
}

test("every route has a row", () => {
  expect(Object.keys(MATRIX).sort()).toEqual([...operations].sort());
});

describe.each(rows)("$name, of the $of", ({ name, of, row }) => {
  test("is done for those who may, and for nobody else", async () => {
    const { method, path } = paths[name] ?? expect.fail(name);
    const ask = (world: World, who: Who) =>
      world.users[who]
        .call(method, world.url(path, of) + (row.query ?? ""), world.body(row.body, of))
        .then(({ status }) => status);
    // Refusals change nothing, so that they share a world; what is done gets one of its own.
    const shared = await newWorld();
    await row.before?.(shared);
    const before = await dump(fixture);
    for (const who of CALLERS.filter((each) => !row.may.includes(each))) {
      expect([who, await ask(shared, who)]).toEqual([who, refusalOf(name, who, path)]);
    }
    expect(await dump(fixture)).toEqual(before);
    for (const [index, who] of row.may.entries()) {
      const world = index === 0 ? shared : await newWorld();
      if (index > 0) await row.before?.(world);
      const status = await ask(world, who);
      expect([who, status >= 200 && status < 300 ? "done" : status]).toEqual([who, "done"]);
    }
  });
});

test("a credential that is missing, expired, revoked, or of a disabled or deleted user opens no route", async () => {
  const world = await newWorld();
  const all = { role: "admin", scopes: ["read", "ask", "admin"] as Scope[] } as const;
  const [expired, revoked, disabled, deleted] = [
    await newClient(fixture, { ...all, expiresAt: new Date(Date.now() - 1_000) }),
    await newClient(fixture, all),
    await newClient(fixture, all),
    await newClient(fixture, all),
  ];
  await fixture.pool`update api_tokens set revoked_at = now() where user_id = ${revoked.userId}`;
  await fixture.pool`update users set disabled_at = now() where id = ${disabled.userId}`;
  await fixture.pool`update users set deleted_at = now() where id = ${deleted.userId}`;
  const before = await dump(fixture);
  const nobody = { anonymous: clientOf(fixture, ""), expired, revoked, disabled, deleted };
  for (const { name, row } of rows) {
    const { method, path } = paths[name] ?? expect.fail(name);
    for (const [who, client] of Object.entries(nobody)) {
      const { status } = await client.call(
        method,
        world.url(path, "owner") + (row.query ?? ""),
        world.body(row.body, "owner"),
      );
      expect([name, who, status]).toEqual([name, who, 401]);
    }
  }
  expect(await dump(fixture)).toEqual(before);
});

test("a token opens only the routes of its scopes, and `admin` opens nothing for a user who is no administrator", async () => {
  const world = await newWorld();
  const scopes: Scope[] = ["read", "ask", "admin"];
  const lacking = {} as Record<Scope, Client>;
  for (const scope of scopes) {
    lacking[scope] = await newClient(fixture, { role: "admin", scopes: scopes.filter((other) => other !== scope) });
  }
  const before = await dump(fixture);
  for (const { name, row } of rows) {
    const { method, path } = paths[name] ?? expect.fail(name);
    const scope = scopeOf(name);
    const callers = scope === "admin" ? [lacking[scope], world.users.owner] : [lacking[scope]];
    for (const client of callers) {
      const { status, body } = await client.call(
        method,
        world.url(path, "owner") + (row.query ?? ""),
        world.body(row.body, "owner"),
      );
      expect([name, status, body.error?.code]).toEqual([name, 403, "forbidden"]);
    }
  }
  expect(await dump(fixture)).toEqual(before);
});

test("what was deleted answers 404 to its owner on every route", async () => {
  const [project, session] = [await newWorld(), await newWorld()];
  await project.users.owner.call("DELETE", project.url("/api/projects/{id}", "owner"));
  await session.users.owner.call("DELETE", session.url("/api/sessions/{id}", "owner"));
  const before = await dump(fixture);
  for (const { name, row } of rows) {
    const { method, path } = paths[name] ?? expect.fail(name);
    const worlds = path.startsWith("/api/sessions/") ? [project, session] : [project];
    if (!/^\/api\/(projects|sessions)\//.test(path)) continue;
    for (const world of worlds) {
      const { status } = await world.users.owner.call(
        method,
        world.url(path, "owner") + (row.query ?? ""),
        world.body(row.body, "owner"),
      );
      expect([name, status]).toEqual([name, 404]);
    }
  }
  expect(await dump(fixture)).toEqual(before);
});
