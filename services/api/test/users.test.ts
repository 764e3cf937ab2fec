import { randomUUID } from "node:crypto";
import { createGrant } from "@boocode/store";
import { beforeAll, expect, test } from "vitest";
import { ROUTES } from "../src/routes.ts";
import { type Client, clientOf, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();
let admin: Client;

beforeAll(async () => {
  admin = await newClient(fixture, { role: "admin", scopes: ["admin"] });
});

const users = "/api/admin/users";
const add = async (name: string, more = {}) => await admin.call("POST", users, { name, ...more });
const codeOf = ({ status, body }: { status: number; body: { error?: { code: string } } }) => [status, body.error?.code];

test("an administrator creates users, whose folders' names are made from their names and are never given twice", async () => {
  const ada = await add("Ada Lovelace");
  expect(ada).toMatchObject({ status: 201, body: { name: "Ada Lovelace", slug: "ada-lovelace", role: "user" } });
  const other = await add("ada.lovelace");
  expect(other.body.slug).toMatch(/^ada-lovelace-[0-9a-f]{8}$/);
  expect(codeOf(await add("Ada Lovelace"))).toEqual([409, "name_taken"]);
  expect(codeOf(await add("eve", { slug: "ada-lovelace" }))).toEqual([409, "name_taken"]);
  expect((await add("bob", { slug: "bobby", role: "admin" })).body).toMatchObject({ slug: "bobby", role: "admin" });
  expect((await admin.call("DELETE", `${users}/${ada.body.id}`)).status).toBe(204);
  expect((await admin.call("GET", `${users}/${ada.body.id}`)).status).toBe(404);
  const again = await add("Ada Lovelace");
  expect([again.status, again.body.slug]).toEqual([201, expect.not.stringMatching(/^ada-lovelace$/)]);
});

test.each([{}, { name: "" }, { name: "x", slug: "../x" }, { name: "x", slug: "X" }, { name: "x", role: "root" }])(
  "a user of %j is refused",
  async (body) => {
    expect(codeOf(await admin.call("POST", users, body))).toEqual([400, "invalid_request"]);
  },
);

test("users are listed by name, page by page", async () => {
  for (const name of ["page-1", "page-2", "page-3"]) await add(name);
  const names: string[] = [];
  let after = "page";
  for (;;) {
    const { body } = await admin.call("GET", `${users}?limit=2&after=${encodeURIComponent(after)}`);
    names.push(...body.users.map(({ name }: { name: string }) => name));
    if (body.next === null) break;
    after = body.next;
  }
  expect(names.slice(0, 3)).toEqual(["page-1", "page-2", "page-3"]);
  for (const query of ["limit=0", "limit=1001", "after=", "x=1"]) {
    expect((await admin.call("GET", `${users}?${query}`)).status).toBe(400);
  }
});

test("a disabled user's tokens are refused until the user is enabled again, and nothing is lost", async () => {
  const user = await newClient(fixture);
  const { sessionId } = await newSession(fixture, user);
  const url = `${users}/${user.userId}`;
  expect((await admin.call("PATCH", url, { disabled: true })).body.disabled_at).not.toBeNull();
  expect((await user.call("GET", "/api/me")).status).toBe(401);
  expect((await admin.call("PATCH", url, { disabled: false })).body.disabled_at).toBeNull();
  expect((await user.call("GET", `/api/sessions/${sessionId}`)).status).toBe(200);
  expect(codeOf(await admin.call("PATCH", url, {}))).toEqual([400, "invalid_request"]);
  expect(codeOf(await admin.call("PATCH", `${users}/${randomUUID()}`, { disabled: true }))).toEqual([404, "not_found"]);
});

test("a role is in force with the next request", async () => {
  const user = await newClient(fixture, { scopes: ["read", "admin"] });
  expect((await user.call("GET", users)).status).toBe(403);
  await admin.call("PATCH", `${users}/${user.userId}`, { role: "admin" });
  expect((await user.call("GET", users)).status).toBe(200);
  await admin.call("PATCH", `${users}/${user.userId}`, { role: "user" });
  expect((await user.call("GET", users)).status).toBe(403);
});

test("the last administrator cannot be demoted, disabled or deleted by a route", async () => {
  await fixture.pool`update users set role = 'user' where id <> ${admin.userId}`;
  const url = `${users}/${admin.userId}`;
  for (const answer of [
    await admin.call("PATCH", url, { role: "user" }),
    await admin.call("PATCH", url, { disabled: true }),
    await admin.call("DELETE", url),
  ]) {
    expect(codeOf(answer)).toEqual([409, "last_administrator"]);
  }
});

test("each change of a user is recorded once, with who did it", async () => {
  const { body: user } = await add("recorded");
  const url = `${users}/${user.id}`;
  for (const change of [
    { disabled: true },
    { disabled: true },
    { disabled: false },
    { role: "admin" },
    { role: "admin" },
  ]) {
    await admin.call("PATCH", url, change);
  }
  await admin.call("DELETE", url);
  const events = await fixture.pool`select event, actor_id from audit_events where user_id = ${user.id} order by id`;
  expect(events.map(({ event }) => event)).toEqual([
    ...["user.created", "user.disabled", "user.enabled", "user.role_changed", "user.deleted"],
  ]);
  for (const { actor_id } of events) expect(actor_id).toBe(admin.userId);
});

test("no route shows an administrator what another user wrote, or which projects and sessions there are", async () => {
  const user = await newClient(fixture);
  const project = await user.call("POST", "/api/projects", { name: "CANARY-project", path: fixture.root });
  const session = await user.call("POST", `/api/projects/${project.body.id}/sessions`, { name: "CANARY-session" });
  const url = `/api/sessions/${session.body.id}`;
  await user.call("POST", `${url}/messages`, { content: "CANARY-question" });
  const full = await newClient(fixture, { role: "admin", scopes: ["read", "ask", "admin"] });
  const { paths } = (await fixture.app.inject({ url: "/openapi.json" })).json();
  const gets = Object.entries(paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    ([path, { get }]) => (get && get.operationId in ROUTES.admin ? [path] : []),
  );
  expect(gets).toContain("/api/admin/users/{id}/tokens");
  for (const path of gets) {
    const { status, body } = await full.call("GET", path.replaceAll(/\{\w+\}/g, user.userId));
    expect([path, status]).toEqual([path, 200]);
    expect(JSON.stringify(body)).not.toMatch(/CANARY/);
    expect(JSON.stringify(body)).not.toContain(session.body.id);
  }
  for (const path of [url, `${url}/messages`, `${url}/turns`, `/api/projects/${project.body.id}`]) {
    expect((await full.call("GET", path)).status).toBe(404);
  }
});

test("a deleted user is gone: tokens, projects and name", async () => {
  const { body: user } = await add("gone");
  const { body } = await admin.call("POST", `${users}/${user.id}/tokens`, { name: "t", scopes: ["read", "ask"] });
  const client = clientOf(fixture, body.token, user.id);
  await createGrant(fixture.pool, { userId: user.id, path: fixture.root, by: "operator" });
  const { projectId } = await newSession(fixture, client);
  expect((await admin.call("DELETE", `${users}/${user.id}`)).status).toBe(204);
  expect((await client.call("GET", "/api/me")).status).toBe(401);
  const [row] = await fixture.pool`select deleted_at from projects where id = ${projectId}`;
  expect(row?.deleted_at).not.toBeNull();
  const listed = await admin.call("GET", `${users}?after=gon&limit=1000`);
  expect(JSON.stringify(listed.body)).not.toContain(user.id);
});
