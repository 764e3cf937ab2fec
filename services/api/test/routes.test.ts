import { readdirSync, readFileSync } from "node:fs";
import * as contracts from "@boocode/contracts";
import { createFollower, createFrameAppender } from "@boocode/frame-log";
import { takeTicket } from "@boocode/identity";
import { connectRedis, connectRedisSubscriber, untilRedisReady } from "@boocode/runtime";
import { claimTurns, endTurn } from "@boocode/store";
import { expect, test, vi } from "vitest";
import { type ApiFixture, keys, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });

/** Collects the frames that are published on channels. */
async function subscribe({ server }: ApiFixture, ...channels: string[]) {
  const redis = connectRedisSubscriber(server.url);
  await untilRedisReady(redis, 5_000);
  const frames: { type: string; version?: number }[] = [];
  const follower = createFollower(redis, {
    onMessage: (_channel, bytes) => frames.push(JSON.parse(bytes.slice(bytes.indexOf("\n") + 1))),
    onGap: () => {},
  });
  for (const channel of channels) await follower.follow(channel);
  return {
    frames,
    stop() {
      follower.stop();
      redis.disconnect();
    },
  };
}

/** Claims this turn, as the only one that is due. */
async function run(turnId: string) {
  await fixture.pool`
    update turns set due_at = now() + case when id = ${turnId} then interval '-1 hour' else '1 hour' end
    where status = 'queued'`;
  const claim = { workerId: "w", nonce: "n", leaseMs: 60_000, maxAttempts: 3 };
  const room = { takesPoisonCandidates: true, shares: { most: 1, held: new Map() } };
  return (await claimTurns(fixture.pool, { kind: "due" }, { ...claim, ...room }, 1))[0] ?? null;
}
const complete = async (turnId: string) => {
  const turn = await run(turnId);
  await endTurn(
    fixture.pool,
    { turnId, attempt: turn?.attempt ?? 0 },
    { end: { status: "complete" }, reply: null, lastSeq: 2 },
  );
};

test("a project is created, read, renamed, listed and deleted, and each change is published to its list", async () => {
  const me = await newClient(fixture);
  const received = await subscribe(fixture, keys.user(me.userId));
  const created = await me.call("POST", "/api/projects", { name: "  code ", path: `${fixture.root}/.` });
  expect(created.status).toBe(201);
  expect(contracts.Project.parse(created.body)).toMatchObject({
    name: "code",
    path: fixture.root,
    last_session_id: null,
  });
  const url = `/api/projects/${created.body.id}`;
  const changes = await subscribe(fixture, keys.project(created.body.id));
  expect(await me.call("GET", url)).toMatchObject({ status: 200, body: created.body });
  expect(await me.call("PATCH", url, { name: "new" })).toMatchObject({ status: 200, body: { name: "new" } });
  expect((await me.call("GET", "/api/projects")).body).toEqual({
    ...{ has_more: false, next_before: null },
    projects: [{ ...created.body, name: "new" }],
  });
  expect(await me.call("DELETE", url)).toMatchObject({ status: 204, body: "" });
  expect((await me.call("GET", "/api/projects")).body.projects).toEqual([]);
  await until(() => expect([received.frames.length, changes.frames.length]).toEqual([1, 2]));
  expect([...received.frames, ...changes.frames].map((frame) => [frame.type, frame.version])).toEqual([
    ["project_created", 1],
    ["project_updated", 1],
    ["project_deleted", 2],
  ]);
  for (const frame of [...received.frames, ...changes.frames]) contracts.PublishedUserFrame.parse(frame);
  received.stop();
  changes.stop();
});

test("a session is created, read, changed, listed and deleted, and its changes are published to it and the project", async () => {
  const me = await newClient(fixture);
  const { projectId, sessionId } = await newSession(fixture, me);
  const received = await subscribe(fixture, keys.project(projectId), keys.session(sessionId));
  const url = `/api/sessions/${sessionId}`;
  const session = contracts.Session.parse((await me.call("GET", url)).body);
  expect(session).toMatchObject({ project_id: projectId, name: null, busy: false });
  const changed = await me.call("PATCH", url, { name: "n", model: "m", system_prompt: "s" });
  expect(changed).toMatchObject({ status: 200, body: { name: "n", model: "m", system_prompt: "s", version: 1 } });
  const listed = await me.call("GET", `/api/projects/${projectId}/sessions`);
  const { system_prompt: _, ...summary } = changed.body;
  expect(listed.body.sessions).toEqual([summary]);
  expect(await me.call("DELETE", url)).toMatchObject({ status: 204 });
  await until(() => expect(received.frames).toHaveLength(3));
  const byType = Object.fromEntries(received.frames.map((frame) => [frame.type, frame]));
  expect(Object.keys(byType).sort()).toEqual(["session_deleted", "session_renamed", "session_updated"]);
  expect(byType.session_updated).toMatchObject({ session: summary });
  expect(JSON.stringify(received.frames)).not.toContain("system_prompt");
  received.stop();
});

test("a message is accepted, listed with its cursor, queued, answered, regenerated and deleted", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const received = await subscribe(fixture, keys.session(sessionId));
  const messages = `/api/sessions/${sessionId}/messages`;
  const posted = await me.call("POST", messages, { content: "why?" });
  expect(posted.status).toBe(202);
  const accepted = contracts.TurnAccepted.parse(posted.body);
  expect(accepted).toMatchObject({ session_id: sessionId, turn_ordinal: 1, version: 2 });
  const turns = await me.call("GET", `/api/sessions/${sessionId}/turns`);
  expect(contracts.LiveTurnList.parse(turns.body).turns).toMatchObject([{ id: accepted.turn_id, place: 1 }]);
  await complete(accepted.turn_id);
  const list = contracts.MessageList.parse((await me.call("GET", `${messages}?limit=10`)).body);
  expect(list).toMatchObject({ cursor: "1.1.n.2", version: 2, has_more: false });
  const [, answer] = list.messages;
  expect(list.messages.map((message) => message.id)).toEqual([accepted.message_id, answer?.id]);
  const again = await me.call("POST", `/api/sessions/${sessionId}/regenerate`);
  expect(again).toMatchObject({ status: 202, body: { message_id: accepted.message_id, turn_ordinal: 2, version: 5 } });
  const deleted = await me.call("DELETE", `${messages}/${accepted.message_id}`);
  expect(contracts.MessagesDeleted.parse(deleted.body)).toEqual({
    deleted: [accepted.message_id],
    count: 1,
    version: 7,
  });
  expect((await me.call("GET", messages)).body).toMatchObject({ messages: [], version: 7 });
  await until(() => expect(received.frames).toHaveLength(7));
  expect(received.frames.map((frame) => [frame.version, frame.type])).toEqual([
    [1, "message_posted"],
    [2, "turn_queued"],
    [3, "messages_deleted"],
    [4, "message_posted"],
    [5, "turn_queued"],
    [6, "turn_withdrawn"],
    [7, "messages_deleted"],
  ]);
  for (const frame of received.frames) contracts.StructuralFrame.parse(frame);
  received.stop();
});

test("a deletion of more than 1,000 messages is answered without their ids, and several frames list them", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const messages = `/api/sessions/${sessionId}/messages`;
  const posted = contracts.TurnAccepted.parse((await me.call("POST", messages, { content: "why?" })).body);
  await complete(posted.turn_id);
  await fixture.pool`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role)
    select gen_random_uuid(), ${sessionId}, ${me.userId}, ${posted.turn_id}, 1, position, 'assistant'
    from generate_series(2, 1000) position`;
  const received = await subscribe(fixture, keys.session(sessionId));
  const deleted = await me.call("DELETE", `${messages}/${posted.message_id}`);
  expect(deleted.body).toEqual({ deleted: [], count: 1_001, version: 4 });
  await until(() => expect(received.frames).toHaveLength(2));
  const range = { from: { turn_ordinal: 1, position: 0 }, through_turn: 1 };
  const [first, second] = received.frames as { type: string; message_ids?: string[] }[];
  expect(first).toMatchObject({ type: "messages_deleted", version: 3, range });
  expect(first?.message_ids).toHaveLength(1_000);
  expect(second).toMatchObject({ type: "messages_deleted", version: 4, message_ids: [expect.any(String)] });
  expect(second).not.toHaveProperty("range");
  received.stop();
});

test("a post that is repeated with its key announces no frame twice", async () => {
  const me = await newClient(fixture);
  const { projectId, sessionId } = await newSession(fixture, me);
  const [session, list] = [
    await subscribe(fixture, keys.session(sessionId)),
    await subscribe(fixture, keys.project(projectId)),
  ];
  const post = () =>
    me.call("POST", `/api/sessions/${sessionId}/messages`, { content: "x" }, { "idempotency-key": "again" });
  const first = await post();
  expect(await post()).toMatchObject({ status: 202, body: first.body });
  expect((await me.call("PATCH", `/api/sessions/${sessionId}`, { model: "m" })).status).toBe(200);
  await until(() => expect(list.frames.map((frame) => frame.version)).toEqual([2, 3]));
  const announced = session.frames.map((frame) => `${frame.version} ${frame.type}`);
  expect(announced).toEqual(["1 message_posted", "2 turn_queued"]);
  session.stop();
  list.stop();
});

test("every route that changes something announces its changes", () => {
  const folder = new URL("../src/routes/", import.meta.url);
  const silent = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => {
    if (!file.endsWith(".ts")) return false;
    const text = readFileSync(new URL(file, folder), "utf8");
    return /app\.(post|put|patch|delete)\(/.test(text) && !/await failpoint\("[\w-]+"\);\n +announce\(/.test(text);
  });
  // A new user, token or share changes no list, and a ticket is stored only in Redis.
  expect(silent.sort()).toEqual([
    ...["admin/create-user-token.ts", "admin/create-user.ts", "create-share.ts", "create-token.ts"],
    ...["make-ticket.ts", "revoke-share.ts"],
  ]);
});

test("a question that is too large for a frame is cut in it and marked as shortened, and REST has it whole", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const received = await subscribe(fixture, keys.session(sessionId));
  const messages = `/api/sessions/${sessionId}/messages`;
  const contents = ["x".repeat(60_000), `y${"😀".repeat(16_250)}`];
  for (const content of contents) expect((await me.call("POST", messages, { content })).status).toBe(202);
  await until(() => expect(received.frames).toHaveLength(4));
  const posted = received.frames.map((frame) => contracts.StructuralFrame.parse(frame)).filter((f) => "message" in f);
  expect(posted[0]?.message).toMatchObject({ content: contents[0] });
  expect(posted.map(({ message }) => message.shortened)).toEqual([undefined, true]);
  expect(posted[1]?.message.content).toMatch(/^y(😀)+$/u);
  expect(Buffer.byteLength(JSON.stringify(posted[1]))).toBeGreaterThan(contracts.MAX_FRAME_BYTES - 4);
  for (const frame of posted) {
    expect(Buffer.byteLength(JSON.stringify(frame))).toBeLessThanOrEqual(contracts.MAX_FRAME_BYTES);
  }
  const listed = (await me.call("GET", messages)).body.messages.map((message: contracts.Message) => message.content);
  expect(listed).toEqual(contents);
  received.stop();
});

test("a cancel of the running turn sends a hint to its worker, and a waiting turn is withdrawn", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const received = await subscribe(fixture, keys.session(sessionId));
  const hints: string[] = [];
  const redis = connectRedisSubscriber(fixture.server.url);
  await untilRedisReady(redis, 5_000);
  redis.on("message", (_channel, turnId: string) => hints.push(turnId));
  await redis.subscribe(keys.cancel);
  const post = async () =>
    (await me.call("POST", `/api/sessions/${sessionId}/messages`, { content: "x" })).body.turn_id;
  const [first, second] = [await post(), await post()];
  await run(first);
  const cancel = await me.call("POST", `/api/sessions/${sessionId}/cancel`);
  expect(cancel).toMatchObject({ status: 200, body: { turn_id: first, status: "cancelling" } });
  const withdrawn = await me.call("DELETE", `/api/sessions/${sessionId}/turns/${second}`);
  expect(withdrawn).toMatchObject({ status: 200, body: { turn_id: second, status: "cancelled" } });
  await until(() => expect([hints, received.frames.at(-1)?.type]).toEqual([[first], "turn_withdrawn"]));
  redis.disconnect();
  received.stop();
});

test("a cancel by id withdraws that waiting turn only, changes no ended one, and finds none of another session", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const other = await newSession(fixture, me);
  const post = async (session: string) =>
    (await me.call("POST", `/api/sessions/${session}/messages`, { content: "x" })).body.turn_id;
  const [first, second, third] = [await post(sessionId), await post(sessionId), await post(sessionId)];
  const elsewhere = await post(other.sessionId);
  const cancel = (turn: string) => me.call("POST", `/api/sessions/${sessionId}/cancel?turn_id=${turn}`);
  expect(await cancel(first)).toMatchObject({ status: 200, body: { turn_id: first, status: "cancelled" } });
  // The second turn is next now, but the cancel names the first one, which has ended.
  expect(await cancel(first)).toMatchObject({ status: 200, body: { turn_id: first, status: "cancelled" } });
  expect(await cancel(third)).toMatchObject({ status: 200, body: { turn_id: third, status: "cancelled" } });
  expect((await cancel(elsewhere)).status).toBe(404);
  expect((await me.call("POST", `/api/sessions/${sessionId}/cancel?turn=${second}`)).status).toBe(400);
  const left = (await me.call("GET", `/api/sessions/${sessionId}/turns`)).body.turns;
  expect(left.map((turn: contracts.Turn) => [turn.id, turn.status])).toEqual([[second, "queued"]]);
});

test("the project's list gets a frame when a session becomes busy, loses messages, or becomes idle before a claim", async () => {
  const me = await newClient(fixture);
  const { projectId, sessionId } = await newSession(fixture, me);
  const received = await subscribe(fixture, keys.project(projectId));
  const url = `/api/sessions/${sessionId}`;
  const post = (content: string) => me.call("POST", `${url}/messages`, { content }, { "idempotency-key": content });
  const first = (await post("one")).body;
  await post("one");
  await me.call("DELETE", `${url}/turns/${first.turn_id}`);
  const second = (await post("two")).body;
  await me.call("POST", `${url}/cancel`);
  await me.call("POST", `${url}/cancel`);
  await me.call("POST", `${url}/regenerate`);
  await me.call("DELETE", `${url}/messages/${second.message_id}`);
  const states = () => received.frames.map((frame) => [frame.version, frame.type, "session" in frame && frame.session]);
  await until(() => expect(received.frames).toHaveLength(6));
  expect(states()).toEqual(
    [true, false, true, false, true, false].map((busy, index) => [
      ...[index + 2, "session_updated"],
      expect.objectContaining({ id: sessionId, busy }),
    ]),
  );
  for (const frame of received.frames) contracts.PublishedUserFrame.parse(frame);
  received.stop();
});

test("a turn shows its status and its error, even one that failed before its first message", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const { turn_id } = (await me.call("POST", `/api/sessions/${sessionId}/messages`, { content: "x" })).body;
  const read = async () =>
    contracts.Turn.parse((await me.call("GET", `/api/sessions/${sessionId}/turns/${turn_id}`)).body);
  expect(await read()).toMatchObject({ id: turn_id, ordinal: 1, status: "queued", attempt: 0, error: null });
  const turn = await run(turn_id);
  expect(await read()).toMatchObject({ status: "running", attempt: 1, finished_at: null });
  const error = { code: "project_unavailable", message: "the folder is gone" } as const;
  await endTurn(
    fixture.pool,
    { turnId: turn_id, attempt: turn?.attempt ?? 0 },
    { end: { status: "failed", error }, reply: null, lastSeq: 2 },
  );
  expect(await read()).toMatchObject({ status: "failed", error, finished_at: expect.any(String) });
  await me.call("DELETE", `/api/sessions/${sessionId}`);
  expect((await me.call("GET", `/api/sessions/${sessionId}/turns/${turn_id}`)).status).toBe(404);
});

test("a turn that a worker holds shows what it waits for, as its last frame says", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const { turn_id } = (await me.call("POST", `/api/sessions/${sessionId}/messages`, { content: "x" })).body;
  const url = `/api/sessions/${sessionId}/turns`;
  const waits = async () => [
    contracts.TurnState.parse((await me.call("GET", `${url}/${turn_id}`)).body).waiting,
    contracts.LiveTurnList.parse((await me.call("GET", url)).body).turns[0]?.waiting,
  ];
  const turn = await run(turn_id);
  const epoch = { ordinal: 1, attempt: turn?.attempt ?? 0, nonce: turn?.nonce ?? "" };
  const redis = connectRedis(fixture.server.url);
  const appender = createFrameAppender(redis, keys, { entries: 100, ttlMs: 60_000, endedTtlMs: 60_000 });
  const say = async (seq: number, frame: object) =>
    await appender.append(sessionId, epoch, [{ seq, frame: { session_id: sessionId, turn_id, ...frame } as never }]);
  const said = async (seq: number, frame: object) => {
    await say(seq, frame);
    return await waits();
  };
  try {
    expect(await waits()).toEqual([null, null]);
    const slot = { reason: "slot", ahead: 3 };
    expect(await said(1, { type: "turn_waiting", ...slot, retry_in_ms: null })).toEqual([slot, slot]);
    const unknown = { type: "turn_waiting", reason: "tools", retry_in_ms: null };
    expect((await said(2, unknown))[0]).toEqual({ reason: "tools", ahead: null });
    expect((await said(3, { type: "model_loading", model: null }))[0]).toEqual({ reason: "loading", ahead: null });
    expect((await said(4, { type: "turn_waiting", reason: "one of a later version" }))[0]).toBeNull();
    await say(5, { type: "turn_waiting", ...slot, retry_in_ms: null });
    expect(await said(6, { type: "delta", content: "I see" })).toEqual([null, null]);
    await say(7, { type: "turn_waiting", ...slot, retry_in_ms: null });
    const error = { code: "internal", message: "x" } as const;
    const end = { end: { status: "failed", error }, reply: null, lastSeq: 7 } as const;
    await endTurn(fixture.pool, { turnId: turn_id, attempt: epoch.attempt }, end);
    expect((await me.call("GET", `${url}/${turn_id}`)).body).toMatchObject({ status: "failed", waiting: null });
  } finally {
    redis.disconnect();
  }
});

test("an id in upper case is accepted, and its frames are published on the session's channel", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const received = await subscribe(fixture, keys.session(sessionId));
  await me.call("POST", `/api/sessions/${sessionId}/messages`, { content: "x" });
  expect((await me.call("POST", `/api/sessions/${sessionId.toUpperCase()}/cancel`)).status).toBe(200);
  await until(() => expect(received.frames.at(-1)).toMatchObject({ type: "turn_withdrawn", session_id: sessionId }));
  received.stop();
});

test("a ticket identifies its user once", async () => {
  const me = await newClient(fixture);
  const answer = await me.call("POST", "/api/ws-tickets");
  const { ticket } = contracts.SocketTicket.parse(answer.body);
  expect(answer.status).toBe(201);
  expect(await takeTicket(fixture.redis, keys, ticket)).toMatchObject({ userId: me.userId });
  expect(await takeTicket(fixture.redis, keys, ticket)).toBeNull();
});

test("models are listed, and public routes answer without a token", async () => {
  const me = await newClient(fixture);
  expect(await me.call("GET", "/api/models")).toMatchObject({ status: 200, body: { models: [] } });
  for (const url of ["/healthz", "/readyz", "/metrics", "/openapi.json", "/healthz?probe=1", "/readyz?probe=1"]) {
    expect((await fixture.app.inject({ url })).statusCode).toBe(200);
  }
});
