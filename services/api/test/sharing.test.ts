import { beforeAll, expect, test } from "vitest";
import { type Client, dump, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

type Who = "owner" | "member" | "reader";
let users: Record<Who, Client>;
let project: string;
/** A session of the owner with a waiting turn. */
let ids: Record<string, string>;

beforeAll(async () => {
  users = { owner: await newClient(fixture), member: await newClient(fixture), reader: await newClient(fixture) };
  const { projectId, sessionId } = await newSession(fixture, users.owner);
  project = projectId;
  for (const role of ["member", "reader"] as const) {
    const shared = await share(users[role], role);
    expect([shared.status, shared.body]).toMatchObject([200, { id: users[role].userId, role }]);
  }
  const posted = await users.owner.call("POST", `/api/sessions/${sessionId}/messages`, { content: "x" });
  ids = {
    ...{ project, session: sessionId, message: posted.body.message_id, turn: posted.body.turn_id },
    user: users.member.userId,
  };
});

const share = (user: Client, role: string) =>
  users.owner.call("POST", `/api/projects/${project}/members`, { name: user.userId, role });

const fill = (url: string) => url.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? "");

/** What a member and a reader are answered for what belongs to the owner. */
const READABLE: ["GET", string][] = [
  ["GET", "/api/projects/{project}"],
  ["GET", "/api/projects/{project}/sessions"],
  ["GET", "/api/projects/{project}/members"],
  ["GET", "/api/sessions/{session}"],
  ["GET", "/api/sessions/{session}/messages"],
  ["GET", "/api/sessions/{session}/turns"],
  ["GET", "/api/sessions/{session}/turns/{turn}"],
];
const OF_OWNER: ["POST" | "PATCH" | "DELETE", string, object?][] = [
  ["PATCH", "/api/projects/{project}", { name: "mine" }],
  ["DELETE", "/api/projects/{project}"],
  ["POST", "/api/projects/{project}/members", { name: "x", role: "reader" }],
  ["DELETE", "/api/projects/{project}/members/{user}"],
  ["PATCH", "/api/sessions/{session}", { name: "mine" }],
  ["DELETE", "/api/sessions/{session}"],
  ["POST", "/api/sessions/{session}/messages", { content: "x", when_busy: "interrupt" }],
  ["DELETE", "/api/sessions/{session}/messages/{message}"],
  ["POST", "/api/sessions/{session}/regenerate"],
  ["POST", "/api/sessions/{session}/edit", { content: "x" }],
  ["POST", "/api/sessions/{session}/cancel"],
  ["DELETE", "/api/sessions/{session}/turns/{turn}"],
];
const OF_ASKERS: ["POST", string, object][] = [
  ["POST", "/api/projects/{project}/sessions", {}],
  ["POST", "/api/sessions/{session}/messages", { content: "y" }],
];

test.each(READABLE)("%s %s is answered to members and readers", async (method, url) => {
  const [owners, ...others] = await Promise.all(Object.values(users).map((user) => user.call(method, fill(url))));
  expect(owners?.status).toBe(200);
  for (const { status, body } of others) expect([status, withoutRole(body)]).toEqual([200, withoutRole(owners?.body)]);
});

/** The role in a project is the caller's. */
const withoutRole = ({ role: _, ...body }: Record<string, unknown>) => body;

test.each(OF_OWNER)("%s %s answers 403 to members and readers, and changes nothing", async (method, url, body) => {
  const before = await dump(fixture);
  for (const who of ["member", "reader"] as const) {
    // Everyone may leave, so the member removes the reader instead.
    const target = url.replace("{user}", who === "member" ? users.reader.userId : users.member.userId);
    // Regenerating needs an idle session.
    if (url.endsWith("/regenerate") && who === "member") continue;
    const answer = await users[who].call(method, fill(target), body);
    expect([who, answer.status, answer.body.error?.code]).toEqual([who, 403, "forbidden"]);
  }
  expect(await dump(fixture)).toEqual(before);
});

test.each(OF_ASKERS)("%s %s is done for members, and answered 403 to readers", async (method, url, body) => {
  const before = await dump(fixture);
  const refused = await users.reader.call(method, fill(url), body);
  expect([refused.status, refused.body.error?.code]).toEqual([403, "forbidden"]);
  expect(await dump(fixture)).toEqual(before);
  expect((await users.member.call(method, fill(url), body)).status).toBeLessThan(300);
});

test("a member regenerates only answers to the member's own questions", async () => {
  const session = (await users.owner.call("POST", `/api/projects/${project}/sessions`, {})).body.id;
  for (const who of ["owner", "member"] as const) {
    const posted = await users[who].call("POST", `/api/sessions/${session}/messages`, { content: who });
    const url = `/api/sessions/${session}/turns/${posted.body.turn_id}`;
    expect((await users.owner.call("DELETE", url)).status).toBe(200);
    const other = who === "owner" ? "member" : "owner";
    expect((await users[other].call("POST", `/api/sessions/${session}/regenerate`)).status).toBe(403);
    const again = await users[who].call("POST", `/api/sessions/${session}/regenerate`);
    expect(again.status).toBe(202);
    await users.owner.call("POST", `/api/sessions/${session}/cancel`);
  }
});

test("an unknown, a disabled and a deleted user are refused with the same answer", async () => {
  const [disabled, deleted] = [await newClient(fixture), await newClient(fixture)];
  await fixture.pool`update users set disabled_at = now() where id = ${disabled.userId}`;
  await fixture.pool`update users set deleted_at = now() where id = ${deleted.userId}`;
  const answers = [];
  for (const name of ["nobody", disabled.userId, deleted.userId]) {
    answers.push(await users.owner.call("POST", `/api/projects/${project}/members`, { name, role: "reader" }));
  }
  expect(answers[0]).toMatchObject({ status: 422, body: { error: { code: "no_such_user" } } });
  for (const answer of answers) expect(answer.body).toEqual(answers[0]?.body);
});

test("what was shared answers 404 to a user who was removed", async () => {
  const user = await newClient(fixture);
  await share(user, "member");
  expect((await user.call("GET", fill("/api/sessions/{session}"))).status).toBe(200);
  expect((await users.owner.call("DELETE", `/api/projects/${project}/members/${user.userId}`)).status).toBe(204);
  for (const [method, url, body] of [...READABLE, ...OF_ASKERS, ...OF_OWNER] as [
    Parameters<Client["call"]>[0],
    string,
    object?,
  ][]) {
    expect([url, (await user.call(method, fill(url), body)).status]).toEqual([url, 404]);
  }
  expect((await user.call("GET", "/api/projects")).body.projects).toEqual([]);
});
