import type { MessageList, Session, UserFrame } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFold, foldOf } from "./harness/fold.ts";
import { FASTIFY, ONLY_PUBLISHED, readFastify, type System, startSystem, type User } from "./harness/start-system.ts";
import { untilEnd } from "./harness/turn-end.ts";
import { subscribed, watchSession, watchUser } from "./harness/watch.ts";

let system: System;
let user: User;
let gateway: string;

beforeAll(async () => {
  system = await startSystem({ env: ONLY_PUBLISHED });
  user = await system.addUser("ada");
  gateway = system.gateways[0]?.url as string;
});
afterAll(() => system.stop());

async function newSession(body: object = {}): Promise<Session> {
  const project = await user.rest.project(FASTIFY);
  return await user.rest.session(project.id, body);
}

test("a question about a real code base is answered after reading it, and the cited files and lines are correct", async () => {
  const session = await newSession({ model: "investigator" });
  const watch = await subscribed(watchSession(gateway, user.token, session.id));
  const turn = await user.rest.post(session.id, "Where is `buildRouting` defined?");
  await untilEnd(watch, turn.turn_id);

  const { messages } = await user.rest.messages(session.id);
  const roles = messages.map((message) => message.role);
  expect(roles[0]).toBe("user");
  expect(roles).toContain("tool");
  expect(roles.at(-1)).toBe("assistant");
  const answer = messages.at(-1)?.content ?? "";
  expect(answer).toMatch(/no language model/i);
  const cited = /`lib\/route\.js:(\d+)`/.exec(answer);
  expect(readFastify("lib/route.js").split("\n")[Number(cited?.[1]) - 1]).toContain("buildRouting");

  // Every call was made over the real protocol, and every request was valid: each call has its result in order.
  const requests = system.model.requests().filter((request) => request.body);
  expect(requests.length).toBeGreaterThan(1);
  expect(system.model.violations()).toEqual([]);
  await watch.close();
});

test("frames arrive in the protocol's order, without gaps, and fold to what REST returns", async () => {
  const session = await newSession({ name: "named", model: "words" });
  const watch = await subscribed(watchSession(gateway, user.token, session.id));
  const script = { tokens: 3, interval_ms: 5, tool_depth: 1, tool: { name: "list_dir", arguments: { path: "." } } };
  const turn = await user.rest.post(session.id, `[[script ${JSON.stringify(script)}]]`);
  await untilEnd(watch, turn.turn_id);

  const order = watch.frames
    .map((frame) => frame.type)
    .filter((type, i, all) => type !== "delta" || all[i - 1] !== "delta");
  const [first, ...rest] = order;
  expect(first).toBe("subscribed");
  // Structural frames come from the API, turn frames from the worker: each kind has its own order.
  expect(rest.filter((type) => type === "message_posted" || type === "turn_queued")).toEqual([
    "message_posted",
    "turn_queued",
  ]);
  expect(rest.filter((type) => type !== "message_posted" && type !== "turn_queued")).toEqual([
    "turn_started",
    "message_started",
    ...(rest.filter((type) => type === "delta").length === 2 ? ["delta"] : []),
    "tool_call",
    "tool_result",
    "message_complete",
    "message_started",
    "delta",
    "message_complete",
    "citations",
    "turn_finished",
  ]);
  const fold = createFold(null);
  for (const frame of watch.frames) fold.apply(frame);
  expect(fold.texts).toEqual(foldOf(await user.rest.messages(session.id)));

  const rows = await system.sql<{ role: string; status: string; position: number }[]>`
    select role, status, position from messages where session_id = ${session.id} order by turn_ordinal, position`;
  expect(rows.map((row) => [row.position, row.role, row.status])).toEqual([
    [0, "user", "complete"],
    [1, "assistant", "complete"],
    [2, "tool", "complete"],
    [3, "assistant", "complete"],
  ]);
  await watch.close();
});

test("token counts and the size of the context window are stored with the answer", async () => {
  const session = await newSession({ name: "named", model: "words" });
  const watch = await subscribed(watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0"));
  const turn = await user.rest.post(session.id, '[[script {"tokens":7,"interval_ms":1}]]');
  await untilEnd(watch, turn.turn_id);
  const message = (await user.rest.messages(session.id)).messages.at(-1);
  expect(message?.tokens_used).toBe(7);
  expect(message?.ctx_used).toBeGreaterThan(7);
  expect(message?.ctx_max).toBe(131_072);
  expect(message?.finish_reason).toBe("stop");
  await watch.close();
});

test("a model that only calls tools is finally asked without tools, and then the turn fails", async () => {
  const session = await newSession({ name: "named", model: "words" });
  const watch = await subscribed(watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0"));
  const tool = { name: "list_dir", arguments: {} };
  const script = { tokens: 1, tool_depth: 50, tool, ignore_tool_choice: true, key: session.id };
  const turn = await user.rest.post(session.id, `[[script ${JSON.stringify(script)}]]`);
  const end = await untilEnd(watch, turn.turn_id);
  expect(end).toMatchObject({ status: "failed" });
  const requests = system.model.requests().filter((request) => request.key === session.id);
  expect(requests.map((request) => request.toolChoice)).toEqual(["auto", "auto", "auto", "auto", "auto", "none"]);
  const { messages } = await user.rest.messages(session.id);
  expect(messages.filter((message) => message.role === "tool")).toHaveLength(6);
  expect(messages.at(-1)).toMatchObject({
    role: "assistant",
    status: "failed",
    error: { code: "tool_loop", message: "tool loop depth exceeded" },
  });
  await watch.close();
});

test("a failed turn keeps its partial text, its end is announced, and the session accepts the next message", async () => {
  const session = await newSession({ name: "named", model: "words" });
  const lists = await subscribed(watchUser(gateway, user.token));
  const watch = await subscribed(watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0"));
  const script = {
    tokens: 20,
    interval_ms: 1,
    error_frame: { after_tokens: 5, frame: { error: { message: "no more credit", code: "insufficient_quota" } } },
  };
  const first = await user.rest.post(session.id, `[[script ${JSON.stringify(script)}]]`);
  await untilEnd(watch, first.turn_id);
  expect(watch.frames.find((frame) => frame.type === "error")).toMatchObject({
    code: "model_error",
    message: "no more credit",
  });
  const failed = (await user.rest.messages(session.id)).messages.at(-1);
  expect(failed).toMatchObject({ status: "failed", error: { code: "model_error" } });
  expect(failed?.content.trim().split(/\s+/)).toHaveLength(5);
  const isListed = (busy: boolean) => (frame: UserFrame) =>
    frame.type === "session_updated" && frame.session.id === session.id && frame.session.busy === busy;
  await lists.until(isListed(true));
  await lists.until(isListed(false));

  const second = await user.rest.post(session.id, '[[script {"tokens":2,"interval_ms":1}]]');
  expect(await untilEnd(watch, second.turn_id)).toMatchObject({ status: "complete" });
  await Promise.all([watch.close(), lists.close()]);
});

test("a refusal by the model server fails the turn with the status and the reason from the body", async () => {
  const session = await newSession({ name: "named", model: "words" });
  const watch = await subscribed(watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0"));
  const script = { status: 400, body: { error: { message: `no such thing ${"x".repeat(500)}` } } };
  const turn = await user.rest.post(session.id, `[[script ${JSON.stringify(script)}]]`);
  await untilEnd(watch, turn.turn_id);
  const error = watch.frames.find((frame) => frame.type === "error");
  expect(error).toMatchObject({ code: "model_error" });
  const text = error?.type === "error" ? error.message : "";
  expect(text).toContain("400");
  expect(text).toContain("no such thing");
  expect(text.length).toBeLessThan(260);
  await watch.close();
});

test("the model names an unnamed session after its first answer; a given name stays", async () => {
  const unnamed = await newSession({ model: "investigator" });
  const named = await newSession({ name: "mine", model: "investigator" });
  const watch = await subscribed(watchSession(gateway, user.token, unnamed.id));
  await user.rest.post(unnamed.id, "Where is `buildRouting` defined?");
  const keeps = watchSession(gateway, user.token, named.id, "?cursor=0.0.0.0");
  const turn = await user.rest.post(named.id, "Where is `buildRouting` defined?");
  const renamed = await watch.until((frame) => frame.type === "session_renamed");
  expect(renamed).toMatchObject({ auto_named: true });
  const { body } = await user.rest.request<Session>("GET", `/api/sessions/${unnamed.id}`);
  expect(body).toMatchObject({ auto_named: true, name: renamed.type === "session_renamed" ? renamed.name : "" });
  await untilEnd(keeps, turn.turn_id);
  expect((await user.rest.request<Session>("GET", `/api/sessions/${named.id}`)).body).toMatchObject({
    name: "mine",
    auto_named: false,
  });
  await Promise.all([watch.close(), keeps.close()]);
});

test("two concurrent messages to one session are answered one after the other", async () => {
  const session = await newSession({ name: "named", model: "words" });
  const watch = await subscribed(watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0"));
  const posts = await Promise.all(
    [1, 2, 3].map(() => user.rest.post(session.id, '[[script {"tokens":10,"interval_ms":5}]]')),
  );
  await Promise.all(posts.map((post) => untilEnd(watch, post.turn_id)));
  const order = watch.frames.flatMap((frame) =>
    frame.type === "turn_started" || frame.type === "turn_finished" ? [`${frame.type} ${frame.turn_id}`] : [],
  );
  const inTurn = [...posts].sort((a, b) => a.turn_ordinal - b.turn_ordinal);
  expect(order).toEqual(inTurn.flatMap((post) => [`turn_started ${post.turn_id}`, `turn_finished ${post.turn_id}`]));
  await watch.close();
});

test("one Idempotency-Key creates one turn, however often the request is repeated", async () => {
  const session = await newSession({ name: "named", model: "words" });
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => user.rest.post(session.id, '[[script {"tokens":1}]]', {}, "the-key")),
  );
  expect(new Set(answers.map((answer) => answer.turn_id)).size).toBe(1);
  const list = await user.rest.request<MessageList>("GET", `/api/sessions/${session.id}/messages`);
  expect(list.body.messages.filter((message) => message.role === "user")).toHaveLength(1);
});

test("regenerating replaces the last answer and keeps the question", async () => {
  const session = await newSession({ name: "named", model: "words" });
  const watch = await subscribed(watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0"));
  const first = await user.rest.post(session.id, `[[script {"tokens":2,"mark":"attempt","key":"${session.id}"}]]`);
  await untilEnd(watch, first.turn_id);
  const before = (await user.rest.messages(session.id)).messages;
  const { body, status } = await user.rest.request<{ turn_id: string }>(
    "POST",
    `/api/sessions/${session.id}/regenerate`,
  );
  expect(status).toBe(202);
  await untilEnd(watch, body.turn_id);
  const after = (await user.rest.messages(session.id)).messages;
  expect(after.map((message) => message.role)).toEqual(["user", "assistant"]);
  expect(after[0]?.id).toBe(before[0]?.id);
  expect(after[1]?.id).not.toBe(before[1]?.id);
  expect(after[1]?.content).toContain("2:0");
  const fold = createFold(null);
  for (const frame of watch.frames) fold.apply(frame);
  expect(fold.texts).toEqual(foldOf(await user.rest.messages(session.id)));
  await watch.close();
});
