import { randomUUID } from "node:crypto";
import { CLOSE_CODES, type Grant, type Scope } from "@boocode/contracts";
import { addUser } from "@boocode/identity";
import { afterAll, beforeAll, expect, test } from "vitest";
import { watchFailpoints } from "../harness/failpoints.ts";
import { createRest, type Rest } from "../harness/rest.ts";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { subscribed, watchSession, watchUser } from "../harness/watch.ts";

/*
 * A process dies after it has taken somebody's access back and before it announces that. What follows from the commit happens
 * nevertheless: turns end, sockets are closed, and what everyone sees is right.
 */
let system: System;
let owner: User;
let admin: User;

beforeAll(async () => {
  system = await startSystem();
  owner = await system.addUser("owner");
  const { userId: id, token } = await addUser(system.sql, "admin", { token: { scopes: ["read", "ask", "admin"] } });
  await system.sql`update users set role = 'admin' where id = ${id}`;
  admin = { id, token, rest: createRest(() => system.apis[0]?.url as string, token) };
});
afterAll(() => system.stop());

const LONG = '[[script {"tokens":4000,"interval_ms":20}]]';

/** A user whose turn runs, in a project of its own or of the owner, and who follows it. */
async function asker(project?: string) {
  const user = await system.addUser(randomUUID());
  if (project)
    await owner.rest.request("POST", `/api/projects/${project}/members`, { name: await nameOf(user), role: "member" });
  const place = project ?? (await user.rest.project(FASTIFY)).id;
  const session = await user.rest.session(place, { name: "named", model: "words" });
  const { turn_id } = await user.rest.post(session.id, LONG);
  const watch = await subscribed(watchSession(system.gateways[0]?.url as string, user.token, session.id));
  await watch.until((frame) => frame.type === "delta");
  const end = async () => (await system.sql`select status, cancel_reason from turns where id = ${turn_id}`)[0];
  return { ...user, session, watch, end, project: place };
}

async function nameOf({ id }: { id: string }): Promise<string> {
  const [row] = await system.sql<[{ name: string }]>`select name from users where id = ${id}`;
  return row.name;
}

async function tokenOf({ id }: { id: string }): Promise<string> {
  const [row] = await system.sql<[{ id: string }]>`select id from api_tokens where user_id = ${id}`;
  return row.id;
}

test("whoever loses access loses turns and sockets although the API died after the commit and before announcing it", {
  timeout: 120_000,
}, async () => {
  const failpoints = watchFailpoints(system);
  const { id: shared } = await owner.rest.project(FASTIFY);
  const demoted = await asker(shared);
  const removed = await asker(shared);
  const followLists = ({ token }: User) => subscribed(watchUser(system.gateways[0]?.url as string, token));
  const lists = await Promise.all([demoted, removed].map(followLists));
  const [disabled, deleted, revoked, revokedByAdmin, ungranted] = [
    await asker(),
    await asker(),
    await asker(),
    await asker(),
    await asker(),
  ];
  const newcomer = await addUser(system.sql, randomUUID(), { token: { scopes: ["read", "ask"] satisfies Scope[] } });
  const members = `/api/projects/${shared}/members`;
  const users = "/api/admin/users";
  const { grants } = (await admin.rest.request<{ grants: Grant[] }>("GET", `${users}/${ungranted.id}/grants`)).body;
  expect(grants).toHaveLength(1);
  const [demotedName, revokedToken, otherToken] = [
    await nameOf(demoted),
    await tokenOf(revoked),
    await tokenOf(revokedByAdmin),
  ];

  const acts: [point: string, token: string, act: (rest: Rest) => Promise<unknown>][] = [
    ["after-set-member", owner.token, (rest) => rest.request("POST", members, { name: demotedName, role: "reader" })],
    ["after-remove-member", owner.token, (rest) => rest.request("DELETE", `${members}/${removed.id}`)],
    ["after-change-user", admin.token, (rest) => rest.request("PATCH", `${users}/${disabled.id}`, { disabled: true })],
    ["after-delete-user", admin.token, (rest) => rest.request("DELETE", `${users}/${deleted.id}`)],
    ["after-revoke-token", revoked.token, (rest) => rest.request("DELETE", `/api/me/tokens/${revokedToken}`)],
    [
      "after-revoke-user-token",
      admin.token,
      (rest) => rest.request("DELETE", `${users}/${revokedByAdmin.id}/tokens/${otherToken}`),
    ],
    [
      "after-create-grant",
      admin.token,
      (rest) => rest.request("POST", `${users}/${newcomer.userId}/grants`, { path: FASTIFY }),
    ],
    [
      "after-delete-grant",
      admin.token,
      (rest) => rest.request("DELETE", `${users}/${ungranted.id}/grants/${grants[0]?.id}`),
    ],
  ];
  await Promise.all(acts.map((act) => failpoints.dieAt(...act)));

  for (const each of [demoted, removed, disabled, deleted, revoked, revokedByAdmin, ungranted]) {
    await expect.poll(each.end, { timeout: 15_000 }).toEqual({ status: "cancelled", cancel_reason: "access_revoked" });
  }
  expect(await removed.watch.closed).toBe(CLOSE_CODES.not_found.code);
  // Both apply to a deleted user, whose projects are deleted, too.
  expect([CLOSE_CODES.not_found.code, CLOSE_CODES.unauthenticated.code]).toContain(await deleted.watch.closed);
  for (const { watch } of [disabled, revoked, revokedByAdmin])
    expect(await watch.closed).toBe(CLOSE_CODES.unauthenticated.code);
  // Nobody published what changed, so that the versions of their lists must tell them.
  for (const list of lists) {
    await list.until((frame) => frame.type === "snapshot");
    await list.close();
  }
  // Who may still read sees the turn end.
  for (const { watch } of [demoted, ungranted]) {
    await watch.until((frame) => frame.type === "turn_finished");
    await watch.close();
  }
  expect(
    (await demoted.rest.request("POST", `/api/sessions/${demoted.session.id}/messages`, { content: "x" })).status,
  ).toBe(403);
  expect((await removed.rest.request("GET", `/api/sessions/${removed.session.id}`)).status).toBe(404);
  expect((await owner.rest.request<{ members: object[] }>("GET", members)).body.members).toHaveLength(2);
  expect((await createRest(() => system.apis[0]?.url as string, newcomer.token).project(FASTIFY)).path).toContain(
    "fastify",
  );
  const again = await ungranted.rest.request("POST", "/api/projects", { name: "x", path: FASTIFY });
  expect(again.status).toBe(422);
});

test("the sessions of a deleted project are deleted although the worker that deleted some died before announcing it", async () => {
  const failpoints = watchFailpoints(system);
  const place = await asker();
  const [worker] = system.workers;
  // Killed, so that its turn is still running, and emptying the project has something to announce.
  await worker?.stop("SIGKILL");
  // Otherwise the API empties it.
  await failpoints.dieAt("after-delete-project", place.token, (rest) =>
    rest.request("DELETE", `/api/projects/${place.project}`),
  );
  const dying = await system.restart(worker as never, { FAULT_POINTS: "after-empty-project:kill" });
  expect(await dying.exited).toBe("SIGKILL");
  await failpoints.expectFired("after-empty-project");
  await system.restart(dying);
  expect(await place.watch.closed).toBe(CLOSE_CODES.not_found.code);
  await expect.poll(place.end, { timeout: 15_000 }).toMatchObject({ status: "cancelled" });
  const left = async () => system.sql`select from sessions where project_id = ${place.project} and deleted_at is null`;
  await expect.poll(left, { timeout: 10_000 }).toHaveLength(0);
});

test("followers of an old session learn that it was deleted although the worker that did it died before announcing it", async () => {
  const failpoints = watchFailpoints(system);
  const session = await owner.rest.session((await owner.rest.project(FASTIFY)).id, { name: "named" });
  const gateway = system.gateways[0]?.url as string;
  const watch = await subscribed(watchSession(gateway, owner.token, session.id));
  const lists = await subscribed(watchUser(gateway, owner.token));
  await system.sql`update sessions set updated_at = now() - interval '2 days' where id = ${session.id}`;
  const dying = await system.start("worker", {
    ...{ RETENTION_DAYS: "1", MAINTENANCE_INTERVAL_MS: "200" },
    FAULT_POINTS: "after-delete-old-session:kill",
  });
  expect(await dying.exited).toBe("SIGKILL");
  await failpoints.expectFired("after-delete-old-session");
  expect(await watch.closed).toBe(CLOSE_CODES.not_found.code);
  await lists.until((frame) => frame.type === "snapshot");
  await lists.close();
  expect((await owner.rest.request("GET", `/api/sessions/${session.id}`)).status).toBe(404);
});
