import { CLOSE_CODES, type Project, type Session } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { subscribed, watchSession, watchUser } from "../harness/watch.ts";

let system: System;
let ada: User;
let bob: User;
let project: Project;
let session: Session;

beforeAll(async () => {
  system = await startSystem({ gateways: 2 });
  ada = await system.addUser("ada");
  bob = await system.addUser("bob");
  project = await ada.rest.project(FASTIFY);
  session = await ada.rest.session(project.id, { name: "shared", model: "words" });
});
afterAll(() => system.stop());

const members = () => `/api/projects/${project.id}/members`;
const share = async (role: "reader" | "member") => {
  const answer = await ada.rest.request("POST", members(), { name: "bob", role });
  expect(answer.status).toBe(200);
};

test("lists of a member learn of sharing, of sessions and of unsharing", async () => {
  const lists = await subscribed(watchUser(system.gateways[0]?.url as string, bob.token));
  await share("member");
  await lists.until((frame) => frame.type === "snapshot");
  const created = await ada.rest.session(project.id, { name: "new" });
  await lists.until((frame) => frame.type === "session_created" && frame.session.id === created.id);
  const before = lists.frames.filter((frame) => frame.type === "snapshot").length;
  await ada.rest.request("DELETE", `${members()}/${bob.id}`);
  await expect
    .poll(() => lists.frames.filter((frame) => frame.type === "snapshot").length, { timeout: 10_000 })
    .toBeGreaterThan(before);
  expect((await bob.rest.request("GET", `/api/sessions/${session.id}`)).status).toBe(404);
  await lists.close();
});

test("unsharing ends the member's sockets at every gateway and the member's turn within 2 s, while Redis is away", async () => {
  await share("member");
  const turn = await bob.rest.post(session.id, '[[script {"tokens":4000,"interval_ms":20}]]');
  const watches = await Promise.all(
    system.gateways.map(({ url }) => subscribed(watchSession(url, bob.token, session.id))),
  );
  const owners = await subscribed(watchSession(system.gateways[0]?.url as string, ada.token, session.id));
  await owners.until((frame) => frame.type === "delta");
  await system.redis.kill("SIGKILL");
  try {
    expect((await ada.rest.request("DELETE", `${members()}/${bob.id}`)).status).toBe(204);
    const at = performance.now();
    const codes = await Promise.all(watches.map(({ closed }) => closed));
    const closedMs = performance.now() - at;
    expect(codes).toEqual(watches.map(() => CLOSE_CODES.not_found.code));
    console.log(`closed ${closedMs.toFixed(0)} ms after the answer`);
    const ended = async () => (await system.sql`select status, cancel_reason from turns where id = ${turn.turn_id}`)[0];
    await expect.poll(ended, { timeout: 10_000 }).toEqual({ status: "cancelled", cancel_reason: "access_revoked" });
    expect(owners.socket.readyState).toBe(owners.socket.OPEN);
  } finally {
    await system.redis.restart();
  }
  await owners.close();
});

test.each<[string, (user: User, chief: User) => Promise<unknown>]>([
  ["disabling", (user, chief) => chief.rest.request("PATCH", `/api/admin/users/${user.id}`, { disabled: true })],
  ["deleting", (user, chief) => chief.rest.request("DELETE", `/api/admin/users/${user.id}`)],
  [
    "revoking the token of",
    async (user, chief) => {
      const [row] = await system.sql`select id from api_tokens where user_id = ${user.id}`;
      return await chief.rest.request("DELETE", `/api/admin/users/${user.id}/tokens/${row?.id}`);
    },
  ],
])("%s a user ends the user's sockets at every gateway and cancels the running turn", async (what, act) => {
  const [user, chief] = [await system.addUser(`user for ${what}`), await system.addUser(`chief for ${what}`)];
  await system.sql`update users set role = 'admin' where id = ${chief.id}`;
  await system.sql`update api_tokens set scopes = '{admin}' where user_id = ${chief.id}`;
  const { id } = await user.rest.session((await user.rest.project(FASTIFY)).id, { model: "words" });
  // Their lists; the session of a deleted user is also gone, which is another reason to close its socket.
  const watches = await Promise.all(system.gateways.map(({ url }) => subscribed(watchUser(url, user.token))));
  const session = await subscribed(watchSession(system.gateways[0]?.url as string, user.token, id));
  const { turn_id } = await user.rest.post(id, '[[script {"tokens":4000,"interval_ms":20}]]');
  await session.until((frame) => frame.type === "delta");
  const from = performance.now();
  await act(user, chief);
  const since = () => (performance.now() - from).toFixed(0);
  const closed = Promise.all([...watches, session].map((watch) => watch.closed)).then((codes) => ({
    codes,
    ms: since(),
  }));
  const ended = async () => (await system.sql`select status, cancel_reason from turns where id = ${turn_id}`)[0];
  await expect
    .poll(ended, { timeout: 10_000, interval: 20 })
    .toEqual({ status: "cancelled", cancel_reason: "access_revoked" });
  const turnMs = since();
  const { codes, ms } = await closed;
  expect(codes.slice(0, watches.length)).toEqual(watches.map(() => CLOSE_CODES.unauthenticated.code));
  console.log(`${what} a user: turn cancelled after ${turnMs} ms, sockets closed after ${ms} ms`);
});
