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
