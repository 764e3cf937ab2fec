import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { User as Account, Token } from "@boocode/contracts";
import { CLOSE_CODES } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRest } from "./harness/rest.ts";
import { FASTIFY, type System, startSystem } from "./harness/start-system.ts";
import { subscribed, watchUser } from "./harness/watch.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem({ workers: 0 });
});
afterAll(() => system.stop());

/** Runs a command of the administrator. @returns the lines of its standard output, or its error output if it failed */
async function admin(...args: string[]): Promise<string[]> {
  const env = { PATH: process.env.PATH, DATABASE_URL: system.env.DATABASE_URL };
  const run = promisify(execFile)(process.execPath, ["dist/admin/main.mjs", ...args], { env });
  const output = await run.then(
    ({ stdout }) => stdout,
    (error: { stderr: string; code: number }) => `failed with ${error.code}: ${error.stderr}`,
  );
  return output.trim().split("\n").filter(Boolean);
}

const api = () => system.apis[0]?.url as string;
const statusOf = async (token: string | undefined, path = "/api/me") =>
  (await createRest(api, token ?? "").request("GET", path)).status;

/** An API remembers for up to two seconds who has a token. */
const untilStatus = async (status: number, token: string | undefined, path?: string) =>
  await expect.poll(() => statusOf(token, path), { timeout: 10_000 }).toBe(status);

test("the first administrator is made by command, and other commands change and end users", async () => {
  const [root] = await admin("user", "add", "root", "--admin", "--slug", "root-folder");
  expect(await statusOf(root, "/api/admin/users")).toBe(200);
  const [ada] = await admin("user", "add", "Ada Lovelace");
  const [second] = await admin("user", "add", "Ada Lovelace");
  expect([await statusOf(ada), await statusOf(second), await statusOf(ada, "/api/admin/users")]).toEqual([
    200, 200, 403,
  ]);
  const users = (await admin("user", "list")).map((line) => JSON.parse(line) as Account);
  expect(users.map(({ name, slug, role }) => [name, slug, role])).toEqual([
    ["Ada Lovelace", "ada-lovelace", "user"],
    ["root", "root-folder", "admin"],
  ]);
  const refused = await admin("user", "limits", "Ada Lovelace", '{"session":1,"posts_per_minute":0}');
  expect(refused.join()).toMatch(/limits are a JSON object.*posts_per_minute: Too small.*"session"/);
  await admin("user", "disable", "Ada Lovelace");
  await untilStatus(401, ada);
  await admin("user", "enable", "Ada Lovelace");
  await admin("user", "role", "root", "user");
  expect(await statusOf(ada)).toBe(200);
  await untilStatus(403, root, "/api/admin/users");
  await admin("user", "delete", "Ada Lovelace");
  await untilStatus(401, ada);
  expect(await admin("user", "list")).toHaveLength(1);
  const [again] = await admin("user", "add", "Ada Lovelace");
  expect([await statusOf(again), await statusOf(second)]).toEqual([200, 401]);
});

test("tokens are created with scopes and an expiry, listed without their secrets, and revoked one by one", async () => {
  const [first] = await admin("user", "add", "bob");
  const [token] = await admin("token", "add", "bob", "--name", "laptop", "--scopes", "read", "--expires", "30d");
  const listed = (await admin("token", "list", "bob")).map((line) => JSON.parse(line) as Token);
  expect(listed.map(({ name, scopes }) => [name, scopes])).toEqual([
    ["laptop", ["read"]],
    [null, ["read", "ask"]],
  ]);
  const days = (new Date(listed[0]?.expires_at ?? 0).getTime() - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(29.9);
  expect(days).toBeLessThan(30);
  expect(JSON.stringify(listed)).not.toContain(token);
  expect(await statusOf(token)).toBe(200);
  await admin("token", "revoke", listed[0]?.id ?? "");
  await untilStatus(401, token);
  expect(await statusOf(first)).toBe(200);
});

test.each([
  [["user", "add", "root", "--admin"], "there is a user root"],
  [["user", "add", "x", "--slug", "../x"], "--slug"],
  [["user", "add", "x", "--slug", "root-folder"], "slug root-folder"],
  [["user", "add", "x", "--root"], "--root"],
  [["user", "role", "root", "king"], "user or admin"],
  [["user", "disable", "nobody"], "no user is named nobody"],
  [["token", "add", "nobody"], "no user is named nobody"],
  [["token", "add", "root", "--scopes", "read,write"], "--scopes"],
  [["token", "add", "root", "--expires", "yesterday"], "--expires"],
  [["token", "add", "root", "--expires", "2020-01-01"], "--expires"],
  [["token", "revoke", "1"], "no such token"],
  [["user", "frobnicate"], "usage:"],
])("%j fails with a message and changes nothing", async (args, message) => {
  const before = await system.sql`select count(*) from users union all select count(*) from api_tokens`;
  expect((await admin(...args)).join("\n")).toMatch(new RegExp(`^failed with [12]: [^]*${message}`));
  expect(await system.sql`select count(*) from users union all select count(*) from api_tokens`).toEqual(before);
});

test("a socket ends when its token expires", async () => {
  const eve = await system.addUser("eve");
  const watch = await subscribed(watchUser(system.gateways[0]?.url as string, eve.token));
  await system.sql`update api_tokens set expires_at = now() where user_id = ${eve.id}`;
  expect(await watch.closed).toBe(CLOSE_CODES.unauthenticated.code);
});

test("a deleted user's socket ends, and the turn is withdrawn", async () => {
  const user = await system.addUser("short-lived");
  const root = await system.addUser("chief");
  await system.sql`update users set role = 'admin' where id = ${root.id}`;
  await system.sql`update api_tokens set scopes = '{admin}' where user_id = ${root.id}`;
  const session = await user.rest.session((await user.rest.project(FASTIFY)).id);
  const watch = await subscribed(watchUser(system.gateways[0]?.url as string, user.token));
  const { turn_id } = await user.rest.post(session.id, "why?");
  expect((await root.rest.request("DELETE", `/api/admin/users/${user.id}`)).status).toBe(204);
  expect(await watch.closed).toBe(CLOSE_CODES.unauthenticated.code);
  const [turn] = await system.sql`select status, cancel_reason from turns where id = ${turn_id}`;
  expect(turn).toEqual({ status: "cancelled", cancel_reason: "access_revoked" });
});

test("a stopping API and gateway save when tokens were used", async () => {
  for (const name of ["api", "gateway"] as const) {
    const user = await system.addUser(`user of the ${name}`);
    const started = await system.start(name);
    if (name === "api") expect((await fetch(`${started.url}/api/me`, bearer(user.token))).status).toBe(200);
    else await subscribed(watchUser(started.url, user.token));
    expect(await started.stop()).toBe(0);
    const [token] = await system.sql`select last_used_at from api_tokens where user_id = ${user.id}`;
    expect([name, token?.last_used_at]).not.toEqual([name, null]);
  }
});

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
