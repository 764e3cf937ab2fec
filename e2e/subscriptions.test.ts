import { CLOSE_CODES, type Session, SessionFrame, type SocketTicket } from "@boocode/contracts";
import { changeUser } from "@boocode/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { openEvents } from "./harness/events.ts";
import { createFold, foldOf } from "./harness/fold.ts";
import { FASTIFY, type System, startSystem, type User } from "./harness/start-system.ts";
import { isEndOf, untilEnd } from "./harness/turn-end.ts";
import { subscribed, watchSession, watchUser } from "./harness/watch.ts";

let system: System;
let ada: User;
let bob: User;
let gateway: string;
let projectId: string;

beforeAll(async () => {
  system = await startSystem({ env: { AUTH_TIMEOUT_MS: "400", PING_MS: "200", PONG_TIMEOUT_MS: "1000" } });
  ada = await system.addUser("ada");
  bob = await system.addUser("bob");
  gateway = system.gateways[0]?.url as string;
  projectId = (await ada.rest.project(FASTIFY)).id;
});
afterAll(() => system.stop());

const newSession = (): Promise<Session> => ada.rest.session(projectId, { name: "named", model: "words" });
const WORDS = '[[script {"tokens":10,"interval_ms":1}]]';
const ticketOf = async (user: User) => (await user.rest.request<SocketTicket>("POST", "/api/ws-tickets")).body.ticket;

test("each refusal of a socket has its close code", async () => {
  const session = await newSession();
  const unknown = "00000000-0000-4000-8000-000000000000";
  const cases: [string, Promise<number>][] = [
    ["unauthenticated", watchSession(gateway, "boo_nonsense", session.id).closed],
    ["not_found", watchSession(gateway, bob.token, session.id).closed],
    ["not_found", watchSession(gateway, ada.token, unknown).closed],
    ["not_found", watchSession(gateway, ada.token, "not-an-id").closed],
    ["bad_request", watchSession(gateway, ada.token, session.id, "?cursor=nonsense").closed],
    ["bad_request", watchUser(gateway, ada.token, "?cursor=-1").closed],
    ["auth_timeout", watchSession(gateway, null, session.id).closed],
    ["unauthenticated", watchSession(gateway, null, session.id, "?ticket=unknown").closed],
  ];
  for (const [reason, closed] of cases) {
    expect([reason, await closed]).toEqual([reason, CLOSE_CODES[reason as keyof typeof CLOSE_CODES].code]);
  }
});

test("a limit of sockets that is lowered closes the newest of them within two seconds", async () => {
  const user = await system.addUser("lowered");
  const watches = [];
  for (let n = 0; n < 3; n++) watches.push(await subscribed(watchUser(gateway, user.token)));
  const events = await openEvents(`${gateway}/api/user/events`, { authorization: `Bearer ${user.token}` });
  const startedAt = performance.now();
  await changeUser(system.sql, "operator", user.id, { limits: { sockets: 2 } });
  expect(await watches[2]?.closed).toBe(CLOSE_CODES.rate_limited.code);
  await expect(events.until(() => false)).rejects.toThrow("the stream ended");
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(await watchUser(gateway, user.token).closed).toBe(CLOSE_CODES.rate_limited.code);
  expect(watches.slice(0, 2).map(({ socket }) => socket.readyState)).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
  for (const watch of watches.slice(0, 2)) await watch.close();
});

test("a client that has sent its token is not timed out while the database is slow", async () => {
  const session = await newSession();
  const waiting = await system.sql.begin(async (sql) => {
    await sql`lock table api_tokens in access exclusive mode`;
    const watch = watchSession(gateway, ada.token, session.id);
    // Longer than AUTH_TIMEOUT_MS: a socket that was opened later has run out of it.
    expect(await watchSession(gateway, null, session.id).closed).toBe(CLOSE_CODES.auth_timeout.code);
    return { watch };
  });
  await (await subscribed(waiting.watch)).close();
});

test("a message that is not JSON, unknown, or too large closes the socket with its code and changes nothing", async () => {
  const session = await newSession();
  for (const [message, code] of [
    ["not json", CLOSE_CODES.bad_request.code],
    ['{"type":"who knows"}', CLOSE_CODES.bad_request.code],
    ['{"type":"ping","more":1}', CLOSE_CODES.bad_request.code],
    [Buffer.from([1, 2, 3]), CLOSE_CODES.bad_request.code],
    ["x".repeat(20_000), CLOSE_CODES.message_too_big.code],
  ] as const) {
    const watch = await subscribed(watchSession(gateway, ada.token, session.id));
    watch.socket.send(message);
    expect(await watch.closed).toBe(code);
  }
  expect((await ada.rest.messages(session.id)).version).toBe(0);
});

test("a browser may send its token first, and a ping is answered", async () => {
  const session = await newSession();
  const socket = new WebSocket(`${gateway.replace("http", "ws")}/api/ws/sessions/${session.id}`);
  const told: string[] = [];
  const both = new Promise<void>((resolve) => {
    socket.on("message", (data) => {
      told.push(JSON.parse(data.toString()).type);
      if (told.length === 1) socket.send('{"type":"ping"}');
      else resolve();
    });
  });
  socket.on("open", () => socket.send(JSON.stringify({ type: "auth", token: ada.token })));
  await both;
  expect(told).toEqual(["subscribed", "pong"]);
  socket.close();
});

test("a ticket opens one socket, once", async () => {
  const session = await newSession();
  const ticket = await ticketOf(ada);
  const first = await subscribed(watchSession(gateway, null, session.id, `?ticket=${ticket}`));
  expect(await watchSession(gateway, null, session.id, `?ticket=${ticket}`).closed).toBe(4401);
  await first.close();
});

test("a peer that answers pings stays connected, and the gateway keeps pinging it", async () => {
  const session = await newSession();
  const watch = await subscribed(watchSession(gateway, ada.token, session.id));
  let pings = 0;
  await new Promise<void>((resolve) => {
    watch.socket.on("ping", () => {
      pings += 1;
      if (pings === 3) resolve();
    });
  });
  expect(watch.socket.readyState).toBe(WebSocket.OPEN);
  await watch.close();
});

test("a peer that answers no ping is terminated", async () => {
  const session = await newSession();
  const socket = new WebSocket(`${gateway.replace("http", "ws")}/api/ws/sessions/${session.id}`, {
    headers: { authorization: `Bearer ${ada.token}` },
    autoPong: false,
  });
  const code = await new Promise((resolve) => socket.on("close", resolve));
  expect(code).toBe(1006);
});

test("an event stream carries the same frames, and resumes after Last-Event-ID", async () => {
  const session = await newSession();
  const headers = { authorization: `Bearer ${ada.token}` };
  const url = `${gateway}/api/sessions/${session.id}/events`;
  const stream = await openEvents(`${url}?cursor=0.0.0.0`, headers);
  const turn = await ada.rest.post(session.id, '[[script {"tokens":30,"gate":{"name":"sse","at":10}}]]');
  await stream.until((event) => event.data.includes('"delta"'));
  stream.close();
  system.model.release("sse");
  const last = stream.events.filter((event) => event.id !== null).at(-1);
  const rest = await openEvents(`${url}?cursor=0.0.0.0`, { ...headers, "last-event-id": last?.id as string });
  await rest.until((event) => isEndOf(turn.turn_id)(SessionFrame.parse(JSON.parse(event.data))));
  rest.close();

  const fold = createFold(null);
  const seen = new Set<string>();
  for (const event of [...stream.events, ...rest.events]) {
    const frame = SessionFrame.parse(JSON.parse(event.data));
    if ("seq" in frame) {
      expect(event.id).toBe(frame.cursor);
      expect(seen.has(frame.cursor)).toBe(false);
      seen.add(frame.cursor);
    }
    fold.apply(frame);
  }
  const truth = foldOf(await ada.rest.messages(session.id));
  for (const [id, text] of fold.texts) expect(text).toEqual(truth.get(id));
});

test("an event stream is refused with an ordinary HTTP status", async () => {
  const session = await newSession();
  const url = `${gateway}/api/sessions/${session.id}/events`;
  expect((await openEvents(url, {})).status).toBe(401);
  expect((await openEvents(url, { authorization: `Bearer ${bob.token}` })).status).toBe(404);
  expect((await openEvents(`${url}?cursor=x`, { authorization: `Bearer ${ada.token}` })).status).toBe(400);
  expect((await openEvents(`${gateway}/api/nothing`, { authorization: `Bearer ${ada.token}` })).status).toBe(404);
});

test("a user's channel carries only that user's projects and sessions", async () => {
  const project = await ada.rest.project(FASTIFY);
  const lists = watchUser(gateway, ada.token);
  const others = watchUser(gateway, bob.token);
  await Promise.all([lists, others].map(subscribed));
  const session = await ada.rest.session(project.id, { name: "one" });
  await ada.rest.request("DELETE", `/api/sessions/${session.id}`);
  await ada.rest.request("DELETE", `/api/projects/${project.id}`);
  await lists.until((frame) => frame.type === "project_deleted" && frame.project_id === project.id);
  const told = lists.frames.filter((frame) => JSON.stringify(frame).includes(project.id));
  expect(told.map((frame) => frame.type)).toEqual(["session_created", "session_deleted", "project_deleted"]);
  expect(others.frames.map((frame) => frame.type)).toEqual(["subscribed"]);
  const version = (told.at(-1) as { version: number }).version;
  await Promise.all([lists.close(), others.close()]);

  const same = await subscribed(watchUser(gateway, ada.token, `?cursor=${version}`));
  const older = watchUser(gateway, ada.token, `?cursor=${version - 1}`);
  await older.until((frame) => frame.type === "snapshot");
  expect(same.frames.map((frame) => frame.type)).toEqual(["subscribed"]);
  await Promise.all([same.close(), older.close()]);
});

test("deleting messages while one streams stops it, reaches every subscriber, and nothing reappears", async () => {
  const session = await newSession();
  const watch = await subscribed(watchSession(gateway, ada.token, session.id, "?cursor=0.0.0.0"));
  const turn = await ada.rest.post(session.id, '[[script {"tokens":500,"interval_ms":5,"key":"doomed"}]]');
  await watch.until((frame) => frame.type === "delta");
  const answer = await ada.rest.request("DELETE", `/api/sessions/${session.id}/messages/${turn.message_id}`);
  expect(answer.status).toBe(200);
  const deleted = await watch.until((frame) => frame.type === "messages_deleted");
  expect(deleted).toMatchObject({ message_ids: expect.arrayContaining([turn.message_id]) });
  expect(await untilEnd(watch, turn.turn_id)).toMatchObject({
    status: "cancelled",
    cancel_reason: "messages_deleted",
  });
  const request = await system.model.until((asked) => asked.key === "doomed" && asked.ending !== null);
  expect(request.ending).toBe("disconnected");
  expect((await ada.rest.messages(session.id)).messages).toEqual([]);
  const next = await ada.rest.post(session.id, WORDS);
  expect(await untilEnd(watch, next.turn_id)).toMatchObject({ status: "complete" });
  await watch.close();
});

test("a cancel keeps the partial text, ends the upstream request, and returns the turn's status", async () => {
  const session = await newSession();
  const watch = await subscribed(watchSession(gateway, ada.token, session.id, "?cursor=0.0.0.0"));
  const turn = await ada.rest.post(session.id, '[[script {"tokens":500,"interval_ms":5,"key":"stopped"}]]');
  await watch.until((frame) => frame.type === "delta");
  expect(await ada.rest.cancel(session.id)).toEqual({ turn_id: turn.turn_id, status: "cancelling" });
  expect(await untilEnd(watch, turn.turn_id)).toMatchObject({ status: "cancelled", cancel_reason: "user" });
  const { messages } = await ada.rest.messages(session.id);
  expect(messages.at(-1)).toMatchObject({ role: "assistant", status: "cancelled" });
  const fold = createFold(null);
  for (const frame of watch.frames) fold.apply(frame);
  expect(fold.texts.get(messages.at(-1)?.id as string)?.content).toBe(messages.at(-1)?.content);
  expect(messages.at(-1)?.content).toMatch(/\S/);
  expect((await system.model.until((asked) => asked.key === "stopped" && asked.ending !== null)).ending).toBe(
    "disconnected",
  );
  expect(await ada.rest.cancel(session.id)).toEqual({ turn_id: turn.turn_id, status: "cancelled" });
  await watch.close();
});

test("a deleted session closes its sockets and answers 404", async () => {
  const session = await newSession();
  const watch = await subscribed(watchSession(gateway, ada.token, session.id));
  await ada.rest.request("DELETE", `/api/sessions/${session.id}`);
  expect(await watch.closed).toBe(CLOSE_CODES.not_found.code);
  expect((await ada.rest.request("GET", `/api/sessions/${session.id}/messages`)).status).toBe(404);
});

test("deleting a project closes its sessions' sockets and cancels its turns, also when the API died after the mark", async () => {
  for (const isKilled of [false, true]) {
    const project = await ada.rest.project(FASTIFY);
    const [busy, idle] = [
      await ada.rest.session(project.id, { name: "busy", model: "words" }),
      await ada.rest.session(project.id, { name: "idle", model: "words" }),
    ];
    const watches = [
      await subscribed(watchSession(gateway, ada.token, busy.id, "?cursor=0.0.0.0")),
      await subscribed(watchSession(gateway, ada.token, idle.id)),
    ];
    const turn = await ada.rest.post(busy.id, '[[script {"tokens":5000,"interval_ms":20}]]');
    await watches[0]?.until((frame) => frame.type === "delta");
    if (isKilled) await system.sql`update projects set deleted_at = now() where id = ${project.id}`;
    else await ada.rest.request("DELETE", `/api/projects/${project.id}`);
    for (const watch of watches) expect(await watch.closed).toBe(CLOSE_CODES.not_found.code);
    expect((await ada.rest.request("GET", `/api/sessions/${idle.id}`)).status).toBe(404);
    const state = async () => {
      const [row] = await system.sql`
        select t.status, t.cancel_reason, p.emptied_at is not null as emptied
        from turns t, projects p where t.id = ${turn.turn_id} and p.id = ${project.id}`;
      return row;
    };
    await expect
      .poll(state, { timeout: 20_000 })
      .toEqual({ status: "cancelled", cancel_reason: "session_deleted", emptied: true });
  }
});

test("a revoked token closes its sockets", async () => {
  const eve = await system.addUser("eve");
  const watch = await subscribed(watchUser(gateway, eve.token));
  await system.sql`update api_tokens set revoked_at = now() where user_id = ${eve.id}`;
  expect(await watch.closed).toBe(CLOSE_CODES.unauthenticated.code);
});

test("a stopping gateway announces when to reconnect and closes with 1001", async () => {
  const session = await newSession();
  const other = await system.start("gateway");
  const watch = await subscribed(watchSession(other.url, ada.token, session.id));
  const ended = other.stop();
  expect(await watch.until((frame) => frame.type === "going_away")).toHaveProperty("retry_after_ms");
  expect(await watch.closed).toBe(1001);
  expect(await ended).toBe(0);
});

test("subscribers are told what a queued turn waits for, and how many turns go first", async () => {
  const session = await newSession();
  const watch = await subscribed(watchSession(gateway, ada.token, session.id));
  const gate = `[[script ${JSON.stringify({ tokens: 2, gate: { name: session.id } })}]]`;
  await ada.rest.post(session.id, gate);
  const { turn_id } = await ada.rest.post(session.id, WORDS);
  const waiting = { reason: "session" as const, ahead: 1 };
  const frame = await watch.until((one) => one.type === "turns_waiting" && one.turns[0]?.ahead === 1);
  expect(frame).toMatchObject({ session_id: session.id, turns: [{ turn_id, ...waiting }] });
  const read = await ada.rest.request("GET", `/api/sessions/${session.id}/turns/${turn_id}`);
  expect(read.body).toMatchObject({ status: "queued", waiting });
  const stream = await openEvents(`${gateway}/api/sessions/${session.id}/events`, {
    authorization: `Bearer ${ada.token}`,
  });
  expect((await stream.until(({ data }) => data.includes("turns_waiting"))).id).toBeNull();
  stream.close();
  system.model.release(session.id);
  await watch.until((one) => one.type === "turn_finished" && one.turn_id === turn_id);
  await watch.close();
});
