import { getEventListeners } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { followSession, type SessionView } from "../src/index.ts";
import { expectRest } from "./expect-rest.ts";
import { createRecord } from "./record.ts";
import { endedAs, isLive, says } from "./shown.ts";
import { createSignal } from "./signal.ts";
import { ask, type Stack, startStack } from "./start-stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

test("questions and answers are shown as in REST", async () => {
  const sessionId = await stack.newSession();
  const record = createRecord();
  const follower = followSession(stack.client, sessionId, { onChange: record.onChange });
  await follower.until(isLive);
  await stack.client.postMessage(sessionId, ask({ tokens: 200, interval_ms: 1, reasoning_tokens: 5, tool_depth: 2 }));
  const view = await follower.until(endedAs("complete"));
  await expectRest(stack.client, view);
  const roles = view.messages.map((message) => message.role);
  expect(roles).toEqual(["user", "assistant", "tool", "assistant", "tool", "assistant"]);
  expect(view.messages.at(-1)?.content).toMatch(/^w0 w1 .* w199$/);
  expect(view.messages.at(-1)?.reasoning).toBe("r0 r1 r2 r3 r4");
  expect(record.views.length).toBeGreaterThan(5);
  record.expectSteady();
  await follower.close();
});

test("text that turns out to be reasoning is shown as reasoning, also to a client that joins in between", async () => {
  const sessionId = await stack.newSession();
  const follower = followSession(stack.client, sessionId);
  await follower.until(isLive);
  const script = { reasoning_tokens: 3, tokens: 4, gate: { name: "thought", at: 2 }, quirks: { reasoning: "untold" } };
  await stack.client.postMessage(sessionId, ask(script));
  const hasThought = (view: SessionView) => view.messages.at(-1)?.reasoning != null;
  const half = await follower.until((view) => hasThought(view) && view.messages.at(-1)?.content !== "");
  expect(half.messages.at(-1)).toMatchObject({ reasoning: "r0 r1 r2\n", content: expect.stringMatching(/^w0/) });
  const late = followSession(stack.client, sessionId);
  await late.until(hasThought);
  stack.model.release("thought");
  for (const one of [follower, late]) {
    const view = await one.until(endedAs("complete"));
    expect(view.messages.at(-1)).toMatchObject({ reasoning: "r0 r1 r2\n", content: "w0 w1 w2 w3" });
    await expectRest(stack.client, view);
    await one.close();
  }
});

test("changes of names, the queue, withdrawals and regenerated answers are shown", async () => {
  const sessionId = await stack.newSession();
  const record = createRecord();
  const follower = followSession(stack.client, sessionId, { onChange: record.onChange });
  await follower.until(isLive);
  const { client, model } = stack;
  await client.postMessage(sessionId, ask({ tokens: 20, gate: { name: "first", at: 10 } }));
  await follower.until(says(5));
  const second = await client.postMessage(sessionId, ask({ tokens: 5 }, "Second"));
  const third = await client.postMessage(sessionId, ask({ tokens: 5 }, "Third"));
  const queued = await follower.until((view) => view.queue.length === 2);
  expect(queued.queue.map((turn) => turn.id)).toEqual([second.turn_id, third.turn_id]);
  await client.withdrawTurn(sessionId, second.turn_id);
  await follower.until((view) => view.turns[second.turn_id]?.status === "cancelled" && view.queue.length === 1);
  await client.changeSession(sessionId, { name: "renamed" });
  await follower.until((view) => view.session?.name === "renamed");
  model.release("first");
  await expectRest(client, await follower.until((view) => view.turns[third.turn_id]?.status === "complete"));
  const again = await client.regenerate(sessionId, { retry: { attempts: 2 } });
  const view = await follower.until((one) => one.turns[again.turn_id]?.status === "complete");
  expect(view.messages.filter((message) => message.role === "user").at(-1)?.turn_id).toBe(again.turn_id);
  await expectRest(client, view);
  await follower.close();
});

test("a question that is edited while it is answered is never away, and what its answer still streams is not shown", async () => {
  const sessionId = await stack.newSession();
  const { client, model } = stack;
  const questions = new Set<number>();
  let isAsked = false;
  const follower = followSession(client, sessionId, {
    onChange: ({ messages }) => {
      if (isAsked) questions.add(messages.filter(({ role }) => role === "user").length);
    },
  });
  await follower.until(isLive);
  await client.postMessage(sessionId, ask({ tokens: 50, gate: { name: "edit", at: 25 } }));
  await follower.until(says(20));
  isAsked = true;
  const edited = await client.editQuestion(sessionId, { content: ask({ tokens: 5 }, "Better").content });
  model.release("edit");
  const view = await follower.until((one) => one.turns[edited.turn_id]?.status === "complete");
  expect(questions.has(0)).toBe(false);
  expect(view.messages.map(({ turn_id }) => turn_id)).toEqual([edited.turn_id, edited.turn_id]);
  await expectRest(client, view);
  await follower.close();
});

test("messages deleted while they stream disappear and do not reappear", async () => {
  const sessionId = await stack.newSession();
  const { client, model } = stack;
  const follower = followSession(client, sessionId);
  await follower.until(isLive);
  const posted = await client.postMessage(sessionId, ask({ tokens: 50, gate: { name: "delete", at: 25 } }));
  await follower.until(says(20));
  await client.deleteMessages(sessionId, posted.message_id);
  await follower.until((view) => view.messages.length === 0);
  model.release("delete");
  const view = await follower.until((one) => one.turns[posted.turn_id]?.status === "cancelled");
  expect(view.messages).toEqual([]);
  await expectRest(client, view);
  await follower.close();
});

test("a cancelled answer keeps its words and is marked cancelled", async () => {
  const sessionId = await stack.newSession();
  const { client } = stack;
  const follower = followSession(client, sessionId);
  await follower.until(isLive);
  await client.postMessage(sessionId, ask({ tokens: 50, gate: { name: "cancel", at: 25 } }));
  await follower.until(says(25));
  await client.cancel(sessionId);
  const view = await follower.until(endedAs("cancelled"));
  expect(view.messages.at(-1)).toMatchObject({ status: "cancelled" });
  await expectRest(client, view);
  await follower.close();
});

test("a tool output that is too large for a frame is marked, and can be fetched whole", async () => {
  const sessionId = await stack.newSession();
  const { client } = stack;
  const follower = followSession(client, sessionId);
  await follower.until(isLive);
  const tool = { name: "view_file", arguments: { path: "package-lock.json", end_line: 2_000 } };
  await client.postMessage(sessionId, ask({ tool_depth: 1, tool, tokens: 3 }));
  const view = await follower.until(endedAs("complete"));
  const cut = view.messages.find((message) => message.role === "tool");
  expect(cut?.shortened).toBe(true);
  const whole = await follower.loadWhole(cut?.id ?? "");
  expect(whole?.content.length).toBeGreaterThan(cut?.content.length ?? 0);
  expect(whole?.content.startsWith(cut?.content ?? "-")).toBe(true);
  await expectRest(client, follower.view);
  await follower.close();
});

test("the newest page is loaded first, older ones on request, or all at once", async () => {
  const sessionId = await stack.newSession();
  const { client } = stack;
  for (let turn = 0; turn < 5; turn += 1) {
    const follower = followSession(client, sessionId, { pageSize: 2 });
    await follower.until(isLive);
    const posted = await client.postMessage(sessionId, ask({ tokens: 3 }, `Question ${turn}`));
    await follower.until((view) => view.turns[posted.turn_id]?.status === "complete");
    await follower.close();
  }
  const newest = followSession(client, sessionId, { pageSize: 4 });
  expect((await newest.until(isLive)).messages.length).toBe(4);
  expect(newest.view.hasMore).toBe(true);
  await newest.loadOlder();
  expect(newest.view.messages.length).toBe(8);
  // A reload, caused here by changes while the gateway is away, keeps what was loaded.
  const restart = await stack.killGateway();
  await client.changeSession(sessionId, { name: "paged" });
  await restart();
  const reloaded = await newest.until((view) => view.session?.name === "paged");
  expect(reloaded.messages.length).toBe(8);
  await newest.loadOlder();
  await expectRest(client, newest.view);
  expect(newest.view.hasMore).toBe(false);
  await newest.close();
  const all = followSession(client, sessionId, { pageSize: 2, pages: "all" });
  await expectRest(client, await all.until(isLive));
  await all.close();
});

test("a page that was read before a deletion does not restore deleted messages", async () => {
  const sessionId = await stack.newSession();
  const { client } = stack;
  const questions: string[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const follower = followSession(client, sessionId);
    const posted = await client.postMessage(sessionId, ask({ tokens: 3 }, `Question ${turn}`));
    await follower.until((view) => view.turns[posted.turn_id]?.status === "complete");
    questions.push(posted.message_id);
    await follower.close();
  }
  const [read, deleted] = [createSignal(), createSignal()];
  const slow = stack.newClient({
    fetch: async (...call) => {
      const answer = await fetch(...call);
      if (!String(call[0]).includes("before=3")) return answer;
      read.fire();
      await deleted.happened;
      return answer;
    },
  });
  const follower = followSession(slow, sessionId, { pageSize: 2 });
  await follower.until(isLive);
  const loading = follower.loadOlder();
  await read.happened;
  await client.deleteMessages(sessionId, questions[1] ?? "");
  await follower.until((view) => view.messages.length === 0);
  deleted.fire();
  await loading;
  await expectRest(client, follower.view);
  expect(follower.view.messages.length).toBe(2);
  await follower.close();
});

test("a deleted, missing or foreign session ends the follower with the reason", async () => {
  const sessionId = await stack.newSession();
  const follower = followSession(stack.client, sessionId);
  await follower.until(isLive);
  await stack.client.deleteSession(sessionId);
  const view = await follower.until((one) => one.connection === "ended");
  expect(view.error).toMatchObject({ code: "not_found", retryable: false });
  await expect(follower.until(isLive)).rejects.toBe(view.error);
  await follower.close();

  const none = followSession(stack.client, sessionId);
  expect((await none.until((one) => one.connection === "ended")).error).toMatchObject({
    code: "not_found",
    status: 404,
  });
  const stranger = followSession(stack.newClient({ token: "nobody" }), sessionId);
  expect((await stranger.until((one) => one.connection === "ended")).error).toMatchObject({ code: "unauthenticated" });
});

test("a browser's socket authenticates with its first message or with a ticket", async () => {
  const sessionId = await stack.newSession();
  const browser = { openSocket: undefined, WebSocket: WebSocket as never };
  const byMessage = followSession(stack.newClient(browser), sessionId);
  await byMessage.until(isLive);
  await byMessage.close();
  const getTicket = async () => (await stack.client.makeTicket()).ticket;
  const byTicket = followSession(stack.newClient({ ...browser, getTicket }), sessionId);
  await byTicket.until(isLive);
  await byTicket.close();
});

test("a follower that is closed at any moment leaves no socket, timer or listener", async () => {
  const sessionId = await stack.newSession();
  const timers = new Set<unknown>();
  const client = stack.newClient({
    setTimeout(run, ms) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        run();
      }, ms);
      timers.add(timer);
      return timer;
    },
    clearTimeout(timer) {
      timers.delete(timer);
      clearTimeout(timer as NodeJS.Timeout);
    },
  });
  const before = stack.sockets.length;
  const outer = new AbortController();
  const moments = [
    () => Promise.resolve(),
    (follower: ReturnType<typeof followSession>) => follower.until((view) => view.session !== null),
    (follower: ReturnType<typeof followSession>) => follower.until(isLive),
  ];
  for (const moment of moments) {
    const follower = followSession(client, sessionId, { signal: outer.signal });
    await moment(follower);
    await follower.close();
    expect(follower.view).toMatchObject({ connection: "ended", error: null });
  }
  const aborted = followSession(client, sessionId, { signal: outer.signal });
  await aborted.until(isLive);
  outer.abort();
  expect(aborted.view.connection).toBe("ended");
  await aborted.close();
  expect(timers.size).toBe(0);
  expect(getEventListeners(outer.signal, "abort")).toEqual([]);
  const opened = stack.sockets.slice(before);
  expect(opened.length).toBeGreaterThanOrEqual(2);
  expect(opened.map((socket) => socket.readyState)).toEqual(opened.map(() => WebSocket.CLOSED));
});
