import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { withRetries } from "../../src/model/scheduling/with-retries.ts";
import { createStreamReply } from "../../src/model/stream-reply.ts";
import {
  ModelFailure,
  type ModelRequest,
  type Reply,
  type ReplyEvent,
  type StreamReply,
} from "../../src/turn/ports.ts";
import { beginStream, DONE, delta, modelServer } from "./model-server.ts";

const request: ModelRequest = { model: "m", system: "", messages: [], tools: [], toolChoice: "auto", maxTokens: 1_000 };
const settings = { retries: 2, budgetMs: 60_000, loadingMs: 60_000 };
const never = new AbortController().signal;
const reply = { content: "done" } as Reply;
const passing = (code: ModelFailure["code"], ms = 1) =>
  new ModelFailure(code, "no", { retryable: true, retryAfterMs: ms });

/** A server that fails as given, one failure per request, and then answers. */
function failing(...failures: Error[]): { stream: StreamReply; asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    async *stream(): AsyncGenerator<ReplyEvent> {
      const failure = failures[asked++];
      if (failure) throw failure;
      yield { type: "text", text: "done" };
      yield { type: "reply", reply };
    },
  };
}

async function read(stream: StreamReply, signal = new AbortController().signal, within = settings) {
  const events: ReplyEvent[] = [];
  const failure = await (async () => {
    for await (const event of withRetries(stream, within)(request, signal)) events.push(event);
  })().catch((error: unknown) => error);
  return { events: events.map((event) => (event.type === "waiting" ? event.reason : event.type)), failure };
}

describe("a request with retries", () => {
  it("is retried until it is answered, and reports each wait; loading is reported once", async () => {
    const server = failing(passing("model_loading"), passing("model_loading"), passing("model_unreachable"));
    expect(await read(server.stream)).toEqual({
      events: ["loading", "loading", "loading", "unreachable", "text", "reply"],
      failure: undefined,
    });
  });

  it("fails with the last failure when its retries are used up; loading and unreachable servers use none", async () => {
    const away = ["model_loading", "model_unreachable", "model_timeout", "model_unreachable"] as const;
    const errors = Array.from({ length: 9 }, () => passing("model_error"));
    const server = failing(...away.map((code) => passing(code)), ...errors);
    expect((await read(server.stream)).failure).toMatchObject({ code: "model_error" });
    expect(server.asked()).toBe(away.length + 3);
  });

  it("counts the silence of a server that never answered towards the budget", async () => {
    const silent = new ModelFailure("model_timeout", "no", { retryable: true, silentMs: 60_000 });
    const server = failing(silent, silent);
    expect(await read(server.stream)).toMatchObject({ events: [], failure: { code: "model_timeout" } });
    expect(server.asked()).toBe(1);
  });

  it("reaches a server that comes back just before the budget ends, even with MODEL_RETRIES at 0", async () => {
    const server = await modelServer((_, response) => {
      beginStream(response, delta({ content: "back" }, "stop"), DONE);
      response.end();
    });
    const streamFrom = (url: string) =>
      createStreamReply({
        ...{ server: { url }, idleTimeoutMs: 30_000, firstByteTimeoutMs: 30_000 },
        contextSize: { get: async () => null, learn: () => {} },
      });
    const [away, there] = [streamFrom("http://server.invalid"), streamFrom(server.baseUrl)];
    const budgetMs = 2_000;
    const begun = performance.now();
    const stream: StreamReply = (asked, signal) =>
      (performance.now() - begun < budgetMs - 50 ? away : there)(asked, signal);
    const { events } = await read(stream, undefined, { ...settings, retries: 0, budgetMs });
    expect(events.slice(-2)).toEqual(["text", "reply"]);
    expect(events.slice(0, -2).every((event) => event === "unreachable")).toBe(true);
  });

  it("is repeated twice after a malformed tool call, then without calls, then fails", async () => {
    const choices: string[] = [];
    async function* stream({ toolChoice }: ModelRequest): AsyncGenerator<ReplyEvent> {
      choices.push(toolChoice);
      yield* failing(new ModelFailure("model_malformed_call", "no", { retryable: true })).stream(request, never);
    }
    const begun = performance.now();
    expect((await read(stream)).failure).toMatchObject({ code: "model_malformed_call" });
    expect(choices).toEqual(["auto", "auto", "auto", "none"]);
    expect(performance.now() - begun).toBeLessThan(5_000);
    choices.length = 0;
    const words = withRetries(stream, settings)({ ...request, toolChoice: "none" }, new AbortController().signal);
    await expect(
      (async () => {
        for await (const _ of words);
      })(),
    ).rejects.toMatchObject({ code: "model_malformed_call" });
    expect(choices).toEqual(["none", "none", "none"]);
  });

  it("has a budget that starts at the first failure: waiting for a slot or for loading uses none of it", async () => {
    const failures = [passing("model_loading", 1_500), passing("model_unreachable"), passing("model_unreachable")];
    async function* slow(): AsyncGenerator<ReplyEvent> {
      await sleep(50);
      const failure = failures.shift();
      if (failure) throw failure;
      yield { type: "reply", reply };
    }
    const budget = { ...settings, budgetMs: 1_000 };
    expect((await read(slow, undefined, budget)).events.at(-1)).toBe("reply");
  });

  it("is never retried after a part of the reply was seen", async () => {
    let asked = 0;
    async function* stream(): AsyncGenerator<ReplyEvent> {
      asked += 1;
      yield { type: "text", text: "half" };
      throw new ModelFailure("model_cut", "cut", { visible: true });
    }
    expect(await read(stream)).toMatchObject({ events: ["text"], failure: { code: "model_cut" } });
    expect(asked).toBe(1);
  });

  it("passes unexpected errors on", async () => {
    const defect = new TypeError("a defect");
    expect((await read(failing(defect).stream)).failure).toBe(defect);
  });

  it("ends its wait at once when it is cancelled", async () => {
    const controller = new AbortController();
    const reason = new Error("stop");
    const events = withRetries(failing(passing("model_loading", 50_000)).stream, settings)(request, controller.signal);
    const iterator = events[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.next();
    const waiting = iterator.next();
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});
