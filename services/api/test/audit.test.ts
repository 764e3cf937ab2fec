import { deleteOldAuditEvents, recordAudit, recordAuditEvents } from "@boocode/store";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { type Client, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();
let admin: Client;
let user: Client;

beforeAll(async () => {
  admin = await newClient(fixture, { role: "admin", scopes: ["admin"] });
  user = await newClient(fixture);
});
beforeEach(async () => {
  await fixture.owner`delete from audit_events`;
  fixture.refusals.length = 0;
});

const list = async (query = "") => (await admin.call("GET", `/api/admin/audit${query}`)).body;

test("administrators list events newest first, by page, by event and by the user who caused or concerns them", async () => {
  const actor = { userId: user.userId, tokenId: null };
  await recordAuditEvents(fixture.pool, [
    { event: "user.created", actor: "operator", userId: user.userId, detail: { role: "user" } },
    { event: "grant.added", actor: { userId: admin.userId, tokenId: null }, userId: user.userId },
    { event: "user.exported", actor },
    { event: "user.disabled", actor: "service", userId: admin.userId },
  ]);
  const names = (page: { events: { event: string }[] }) => page.events.map(({ event }) => event);
  expect(names(await list())).toEqual(["user.disabled", "user.exported", "grant.added", "user.created"]);
  expect(names(await list(`?user_id=${user.userId}`))).toEqual(["user.exported", "grant.added", "user.created"]);
  expect(names(await list("?event=grant.added"))).toEqual(["grant.added"]);
  const first = await list("?limit=3");
  expect([names(first).length, names(await list(`?limit=3&before=${first.next}`))]).toEqual([3, ["user.created"]]);
  expect((await list(`?before=${first.next}`)).next).toBeNull();
  expect((await list("?event=user.created")).events[0]).toMatchObject({
    ...{ actor: "operator", actor_id: null, user_id: user.userId, detail: { role: "user" }, count: 1 },
  });
});

test.each(["?event=none", "?limit=0", "?limit=1001", "?before=x", "?user_id=1", "?unknown=1"])(
  "%s is refused",
  async (query) => {
    expect((await admin.call("GET", `/api/admin/audit${query}`)).status).toBe(400);
  },
);

test("an event is recorded only if its transaction commits", async () => {
  const failing = fixture.pool.begin(async (sql) => {
    await recordAudit(sql, { event: "user.created", actor: "operator" });
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect((await list()).events).toEqual([]);
});

test("refusals are counted with who was refused, without what was asked", async () => {
  const { projectId } = await newSession(fixture, user);
  await user.call("GET", "/api/me", undefined, { authorization: "Bearer boo_secret" });
  await user.call("GET", "/api/admin/users");
  await user.call("POST", "/api/projects", { name: "x", path: "/etc" });
  await user.call("GET", `/api/projects/${projectId}`);
  const address = "127.0.0.1";
  expect(fixture.refusals).toEqual([
    { event: "refused.unauthenticated", actor: "anonymous", address },
    { event: "refused.forbidden", actor: expect.objectContaining({ userId: user.userId }), address },
    { event: "refused.path", actor: expect.objectContaining({ userId: user.userId }), address },
  ]);
});

test("old events are deleted, and none of the last 30 days, whatever retention is asked for", async () => {
  const ago = (days: number) => new Date(Date.now() - days * 86_400_000);
  for (const days of [1, 29, 31, 100]) {
    await recordAudit(fixture.pool, { event: "user.created", actor: "operator", at: ago(days), lastAt: ago(days) });
  }
  expect(await deleteOldAuditEvents(fixture.pool, 90)).toBe(1);
  expect(await deleteOldAuditEvents(fixture.pool, 0)).toBe(1);
  expect((await list()).events).toHaveLength(2);
});

test("a service can add events, and can neither change nor delete one but by the function that keeps the last 30 days", async () => {
  await recordAudit(fixture.pool, { event: "user.created", actor: "operator" });
  for (const change of [
    "update audit_events set event = 'x'",
    "delete from audit_events",
    "truncate audit_events",
    "select from audit_events for update",
  ])
    await expect(fixture.pool.unsafe(change), change).rejects.toMatchObject({ code: "42501" });
  expect((await list()).events).toHaveLength(1);
  const [row] = await fixture.owner`
    select has_function_privilege('public', 'delete_old_audit_events(integer)', 'execute') as "isOpen",
      (select count(*)::int from pg_proc where prosecdef and proconfig is null and pronamespace = current_schema()::regnamespace)
        as "withoutPath"`;
  expect(row).toEqual({ isOpen: false, withoutPath: 0 });
});

test("the deletion of a project and the export of a user's data are recorded", async () => {
  const { projectId } = await newSession(fixture, user);
  await user.call("DELETE", `/api/projects/${projectId}`);
  await user.call("GET", "/api/me/export");
  expect((await list(`?user_id=${user.userId}&limit=2`)).events).toMatchObject([
    { event: "user.exported", actor: "user", actor_id: user.userId },
    { event: "project.deleted", actor: "user", actor_id: user.userId, project_id: projectId },
  ]);
});
