import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { type FollowSessionOptions, followSession } from "../src/index.ts";
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

let gates = 0;

function follow(sessionId: string, options: FollowSessionOptions = {}) {
  const record = createRecord();
  return { record, ...{ follower: followSession(stack.client, sessionId, { ...options, onChange: record.onChange }) } };
}

test("a gateway that is killed in mid-stream and restarts leaves no trace in the view", async () => {
  const sessionId = await stack.newSession();
  const { follower, record } = follow(sessionId);
  await follower.until(isLive);
  const script = { tokens: 400, interval_ms: 5, gate: { name: "killed", at: 300 } };
  await stack.client.postMessage(sessionId, ask(script));
  await follower.until(says(50));
  const restart = await stack.killGateway();
  await follower.until((view) => view.connection === "waiting");
  await stack.model.reached("killed");
  await restart();
  await follower.until((view) => isLive(view) && says(300)(view));
  stack.model.release("killed");
  const view = await follower.until(endedAs("complete"));
  await expectRest(stack.client, view);
  expect(view.messages.at(-1)?.content.split(" ").length).toBe(400);
  record.expectSteady();
  await follower.close();
});

test("joining at any moment of a stream finally shows what REST has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(60), fc.nat(3), async (at, depth) => {
      const sessionId = await stack.newSession();
      gates += 1;
      const gate = { name: `join ${gates}`, at, step: depth };
      await stack.client.postMessage(
        sessionId,
        ask({ tokens: 60, interval_ms: 1, tool_depth: depth, step_tokens: 5, gate }),
      );
      await stack.model.reached(gate.name);
      const early = follow(sessionId);
      // One client joins while the stream is halted, another while it runs.
      await early.follower.until(isLive);
      stack.model.release(gate.name);
      const late = follow(sessionId);
      for (const { follower, record } of [early, late]) {
        const isDone = (view: (typeof follower)["view"]) => view.messages.at(-1)?.finish_reason === "stop";
        await expectRest(
          stack.client,
          await follower.until(
            (view) => isLive(view) && isDone(view) && !view.queue.length && endedAs("complete")(view),
          ),
        );
        record.expectSteady();
        await follower.close();
      }
    }),
    { numRuns: 12 },
  );
});

test("a socket that is cut repeatedly leaves no gap and no duplicate", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 6 }), async (cuts) => {
      const sessionId = await stack.newSession();
      const before = stack.sockets.length;
      const moments = [...cuts];
      let frames = 0;
      const { follower, record } = follow(sessionId, {
        onFrame() {
          frames += 1;
          if (frames < (moments[0] ?? Number.POSITIVE_INFINITY)) return;
          frames = 0;
          moments.shift();
          (stack.sockets.at(-1) as WebSocket).terminate();
        },
      });
      await follower.until(isLive);
      await stack.client.postMessage(sessionId, ask({ tokens: 150, interval_ms: 3, tool_depth: 1, step_tokens: 20 }));
      const view = await follower.until(endedAs("complete"));
      await expectRest(stack.client, view);
      record.expectSteady();
      expect(stack.sockets.length - before).toBeGreaterThan(1);
      await follower.close();
    }),
    { numRuns: 8 },
  );
});

/** Sockets that lose some frames: a frame that is not emitted never arrived. */
function lossySocket(isLost: (frame: string) => boolean): Stack["openSocket"] {
  return (url, headers) => {
    const socket = stack.openSocket(url, headers);
    const emit = socket.emit.bind(socket);
    socket.emit = (event: string, ...args: unknown[]) =>
      event === "message" && isLost(String(args[0])) ? true : emit(event, ...args);
    return socket;
  };
}

test("lost turn frames cause a rejoin", async () => {
  const sessionId = await stack.newSession();
  const record = createRecord();
  let deltas = 0;
  const isLost = (frame: string) => frame.includes('"type":"delta"') && ++deltas % 9 === 0;
  const verdicts = new Set<string>();
  const follower = followSession(stack.newClient({ openSocket: lossySocket(isLost) }), sessionId, {
    onChange: record.onChange,
    onFrame: (_, verdict) => verdicts.add(verdict),
  });
  await follower.until(isLive);
  await stack.client.postMessage(sessionId, ask({ tokens: 150, interval_ms: 4 }));
  await expectRest(stack.client, await follower.until(endedAs("complete")));
  expect(verdicts).toContain("rejoin");
  record.expectSteady();
  await follower.close();
});

test("lost structural frames cause a reload", async () => {
  const sessionId = await stack.newSession();
  const record = createRecord();
  const lossy = stack.newClient({ openSocket: lossySocket((frame) => frame.includes('"session_renamed"')) });
  const follower = followSession(lossy, sessionId, { onChange: record.onChange });
  await follower.until(isLive);
  await stack.client.postMessage(sessionId, ask({ tokens: 100, interval_ms: 2, gate: { name: "lost", at: 50 } }));
  await follower.until(says(50));
  await stack.client.changeSession(sessionId, { name: "unheard" });
  await stack.client.postMessage(sessionId, ask({ tokens: 5 }, "Next"));
  await follower.until((view) => view.session?.name === "unheard" && view.queue.length === 1);
  stack.model.release("lost");
  await expectRest(stack.client, await follower.until((view) => view.queue.length === 0 && endedAs("complete")(view)));
  record.expectSteady();
  await follower.close();
});

test("changes during a load are shown after it, and text continues in the meantime", async () => {
  const sessionId = await stack.newSession();
  const record = createRecord();
  const [asked, answered, held] = [createSignal(), createSignal(), createSignal()];
  let loads = 0;
  const slow = stack.newClient({
    openSocket: lossySocket((frame) => frame.includes('"name":"unheard"')),
    // The answer to the second load is delayed after the API has sent it.
    fetch: async (...call) => {
      const answer = await fetch(...call);
      if (!String(call[0]).includes("/messages")) return answer;
      loads += 1;
      if (loads !== 2) return answer;
      asked.fire();
      await answered.happened;
      return answer;
    },
  });
  const follower = followSession(slow, sessionId, {
    onChange: record.onChange,
    onFrame: (_, verdict) => verdict === "held" && held.fire(),
  });
  await follower.until(isLive);
  const gate = [40, 80].map((at) => ({ name: `load ${at}`, at }));
  await stack.client.postMessage(sessionId, ask({ tokens: 120, interval_ms: 1, gate }));
  await follower.until(says(40));
  await stack.client.changeSession(sessionId, { name: "unheard" });
  await stack.client.changeSession(sessionId, { name: "heard" });
  await asked.happened;
  stack.model.release("load 40");
  await follower.until(says(80));
  await stack.client.changeSession(sessionId, { name: "held" });
  await held.happened;
  expect(follower.view.session?.name).toBe("test");
  answered.fire();
  await follower.until((view) => view.session?.name === "held");
  stack.model.release("load 80");
  await expectRest(stack.client, await follower.until(endedAs("complete")));
  expect(loads).toBe(2);
  record.expectSteady();
  await follower.close();
});

test("words of two attempts are never shown together after a worker's death", async () => {
  const sessionId = await stack.newSession();
  const texts = new Set<string>();
  const follower = followSession(stack.client, sessionId, {
    onChange: (view) => void texts.add(view.messages.at(-1)?.content ?? ""),
  });
  await follower.until(isLive);
  const gate = { name: "death", at: 40 };
  await stack.client.postMessage(sessionId, ask({ tokens: 60, interval_ms: 1, mark: "attempt", key: "death", gate }));
  await follower.until(says(30));
  const restart = await stack.killWorker();
  stack.model.release("death");
  await restart();
  const view = await follower.until(endedAs("complete"));
  await expectRest(stack.client, view);
  const attempts = [...texts].map((text) => [...new Set(text.match(/\d+(?=:)/g))]);
  expect(attempts.every((seen) => seen.length <= 1)).toBe(true);
  expect(new Set(attempts.flat())).toEqual(new Set(["1", "2"]));
  await follower.close();
});
