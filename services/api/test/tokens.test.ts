import type { Scope } from "@boocode/contracts";
import { createGrant } from "@boocode/store";
import { expect, test } from "vitest";
import { type Client, clientOf, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

const soon = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();
const create = (client: Client, body: object) => client.call("POST", "/api/me/tokens", { name: "laptop", ...body });

test("a user creates a token, sees its secret once, lists it and revokes it alone", async () => {
  const me = await newClient(fixture);
  const created = await create(me, { scopes: ["read"], expires_at: soon(60) });
  expect(created).toMatchObject({ status: 201, body: { name: "laptop", scopes: ["read"], last_used_at: null } });
  const other = clientOf(fixture, created.body.token);
  expect((await other.call("GET", "/api/me")).body).toMatchObject({ id: me.userId, scopes: ["read"] });
  const { token, ...shown } = created.body;
  const listed = await me.call("GET", "/api/me/tokens");
  expect(listed.body.tokens).toEqual([shown, expect.objectContaining({ scopes: ["read", "ask"], name: null })]);
  expect(JSON.stringify(listed.body)).not.toContain(token);
  expect((await me.call("DELETE", `/api/me/tokens/${shown.id}`)).status).toBe(204);
  expect((await other.call("GET", "/api/me")).status).toBe(401);
  expect((await me.call("GET", "/api/me")).status).toBe(200);
  expect((await me.call("DELETE", `/api/me/tokens/${shown.id}`)).status).toBe(404);
});

test("a token makes none with more rights, or for longer", async () => {
  const all: Scope[] = ["read", "ask", "admin"];
  const asker = await newClient(fixture, { role: "admin", scopes: ["read", "ask"], expiresAt: new Date(soon(60)) });
  const user = await newClient(fixture, { scopes: all });
  const reader = await newClient(fixture, { scopes: ["read"] });
  const refused: [Client, object][] = [
    [asker, { scopes: ["read", "admin"] }],
    [asker, { scopes: ["read"], expires_at: soon(120) }],
    [asker, { scopes: ["read"], expires_at: null }],
    [user, { scopes: ["admin"] }],
    [reader, { scopes: ["read"] }],
  ];
  for (const [client, body] of refused) {
    const answer = await create(client, body);
    expect([body, answer.status, answer.body.error?.code]).toEqual([body, 403, "forbidden"]);
  }
  const made = await create(asker, { scopes: ["read"] });
  expect(new Date(made.body.expires_at).getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
});

test.each([
  {},
  { scopes: [] },
  { scopes: ["read", "read"] },
  { scopes: ["root"] },
  { scopes: ["read"], expires_at: "tomorrow" },
  { scopes: ["read"], expires_at: "2020-01-01T00:00:00Z" },
  { scopes: ["read"], name: "" },
  { scopes: ["read"], user_id: "me" },
])("a token of %j is refused as malformed", async (body) => {
  const answer = await create(await newClient(fixture), body);
  expect([answer.status, answer.body.error.code]).toEqual([400, "invalid_request"]);
});

test("too many tokens are refused", async () => {
  const me = await newClient(fixture);
  const answers = [];
  for (let i = 0; i < 100; i++) answers.push((await create(me, { scopes: ["read"] })).status);
  expect(answers.filter((status) => status === 201)).toHaveLength(99);
  expect((await create(me, { scopes: ["read"] })).body.error.code).toBe("too_many_tokens");
});

test("an expired token is challenged as invalid, and gives no tokens", async () => {
  const me = await newClient(fixture, { expiresAt: new Date(Date.now() - 1) });
  for (const answer of [await me.call("GET", "/api/me"), await create(me, { scopes: ["read"] })]) {
    expect(answer).toMatchObject({ status: 401, body: { error: { code: "unauthenticated" } } });
    expect(answer.headers["www-authenticate"]).toContain('error="invalid_token"');
  }
});

test("creating and revoking is recorded with who did it, without a secret", async () => {
  const me = await newClient(fixture);
  const { body } = await create(me, { scopes: ["read"] });
  await me.call("DELETE", `/api/me/tokens/${body.id}`);
  const events = await fixture.pool`
    select event, actor, user_id, detail, to_jsonb(a)::text as row from audit_events a where actor_id = ${me.userId} order by id`;
  expect(events.map(({ row: _, ...event }) => event)).toEqual([
    {
      ...{ event: "token.created", actor: "user", user_id: me.userId },
      detail: { token: body.id, scopes: ["read"], expires_at: null },
    },
    { event: "token.revoked", actor: "user", user_id: me.userId, detail: { token: body.id } },
  ]);
  for (const { row } of events) expect(row).not.toContain(body.token);
});

test("an administrator gives a new user a token, and none to a user who has something to read", async () => {
  const admin = await newClient(fixture, { role: "admin", scopes: ["admin"] });
  const { body: user } = await admin.call("POST", "/api/admin/users", { name: "newcomer" });
  const url = `/api/admin/users/${user.id}/tokens`;
  const created = await admin.call("POST", url, { name: "first", scopes: ["read", "ask"] });
  expect(created).toMatchObject({ status: 201, body: { name: "first", expires_at: null } });
  const newcomer = clientOf(fixture, created.body.token, user.id);
  expect((await admin.call("GET", url)).body.tokens.map(({ id }: { id: string }) => id)).toEqual([created.body.id]);
  await createGrant(fixture.pool, { userId: user.id, path: fixture.root, by: "operator" });
  await newSession(fixture, newcomer);
  const refused = await admin.call("POST", url, { name: "second", scopes: ["read"] });
  expect([refused.status, refused.body.error.code]).toEqual([403, "forbidden"]);
  const own = await create(newcomer, { scopes: ["read"] });
  expect((await admin.call("DELETE", `${url}/${own.body.id}`)).status).toBe(204);
  expect((await admin.call("DELETE", `${url}/${own.body.id}`)).status).toBe(404);
  expect((await clientOf(fixture, own.body.token).call("GET", "/api/me")).status).toBe(401);
  // A token of another user is not found below this one.
  const other = await newClient(fixture);
  const foreign = (await other.call("GET", "/api/me/tokens")).body.tokens[0].id;
  expect((await admin.call("DELETE", `${url}/${foreign}`)).status).toBe(404);
});

test("an administrator gives no token to a user who has only a shared project, or who has only asked something", async () => {
  const admin = await newClient(fixture, { role: "admin", scopes: ["admin"] });
  const [owner, member] = [await newClient(fixture), await newClient(fixture)];
  const { projectId, sessionId } = await newSession(fixture, owner);
  const refused = async () => {
    const url = `/api/admin/users/${member.userId}/tokens`;
    const answer = await admin.call("POST", url, { name: "second", scopes: ["read"] });
    expect([answer.status, answer.body.error.code]).toEqual([403, "forbidden"]);
  };
  const members = `/api/projects/${projectId}/members`;
  await owner.call("POST", members, { name: member.userId, role: "member" });
  await refused();
  await member.call("POST", `/api/sessions/${sessionId}/messages`, { content: "why?" });
  await owner.call("DELETE", `${members}/${member.userId}`);
  await refused();
});

test("a caller learns who it is and what its token permits", async () => {
  const user = await newClient(fixture, { scopes: ["read"] });
  const { usage_today: _, limits, ...me } = (await user.call("GET", "/api/me")).body;
  expect(me).toEqual({ id: user.userId, name: user.userId, role: "user", scopes: ["read"], expires_at: null });
  expect(limits).toBeTypeOf("object");
});
