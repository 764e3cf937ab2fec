import { describe, expect, it } from "vitest";
import { createModelReady } from "../../src/model/discovery/model-ready.ts";
import { createStreamReply } from "../../src/model/stream-reply.ts";
import type { ModelRequest, ReplyEvent, StreamReply } from "../../src/turn/ports.ts";
import { beginStream, DONE, delta, modelServer, sendJson } from "./model-server.ts";

const request: ModelRequest = {
  model: "m",
  system: "",
  messages: [{ role: "user", content: "go" }],
  tools: [],
  toolChoice: "auto",
  maxTokens: 1_000,
};
const signal = new AbortController().signal;

/** A server that answers the given paths, but no chat request until `speak` is called. */
async function serverOf(answers: Record<string, unknown>) {
  let speak = () => {};
  const server = await modelServer(({ path }, response) => {
    if (path === "/v1/chat/completions") {
      speak = () => {
        beginStream(response, delta({ content: "a" }, "stop"), DONE);
        response.end();
      };
      return;
    }
    if (path in answers) return sendJson(response, 200, answers[path]);
    sendJson(response, 404, {});
  });
  const ready = createModelReady({ url: server.baseUrl }, 5_000);
  const stream = createStreamReply({
    ...{
      server: { url: server.baseUrl },
      idleTimeoutMs: 30_000,
      firstByteTimeoutMs: 30_000,
      silenceNoticeMs: 50,
      ready,
    },
    contextSize: { get: async () => null, learn: () => {} },
  });
  return { stream, speak: () => speak() };
}

async function firstEvent(stream: StreamReply, speak: () => void): Promise<[string, ReplyEvent["type"][]]> {
  const events: ReplyEvent[] = [];
  for await (const event of stream(request, signal)) {
    events.push(event);
    if (events.length === 1) speak();
  }
  const [first] = events;
  return [first?.type === "waiting" ? first.reason : (first?.type ?? ""), events.map(({ type }) => type)];
}

describe("a request that a server does not begin to answer", () => {
  it.each([
    ["llama-server's slots are all busy", { "/slots": [{ is_processing: true }, { is_processing: true }] }, "slot"],
    ["a slot is free", { "/slots": [{ is_processing: true }, { is_processing: false }] }, "loading"],
    ["llama-swap runs the model", { "/running": { running: [{ model: "m", state: "ready" }] } }, "slot"],
    ["llama-swap starts it", { "/running": { running: [{ model: "m", state: "starting" }] } }, "loading"],
    ["llama-swap runs another", { "/running": { running: [{ model: "x", state: "ready" }] } }, "loading"],
    ["Ollama has loaded it", { "/api/ps": { models: [{ name: "m:latest" }] } }, "slot"],
    ["Ollama has not", { "/api/ps": { models: [] } }, "loading"],
    ["the server does not report it", { "/slots": "odd", "/running": [1], "/api/ps": null }, "loading"],
  ])("when %s", async (_, answers, told) => {
    const { stream, speak } = await serverOf(answers);
    expect(await firstEvent(stream, speak)).toEqual([told, [told === "slot" ? "waiting" : "loading", "text", "reply"]]);
  });

  it("waits for a slot while the model answers another request of this process", async () => {
    const server = await modelServer((_, response) => beginStream(response, delta({ content: "a" })));
    const ready = createModelReady({ url: server.baseUrl }, 5_000);
    const stream = createStreamReply({
      ...{ server: { url: server.baseUrl }, idleTimeoutMs: 30_000, firstByteTimeoutMs: 30_000, ready },
      contextSize: { get: async () => null, learn: () => {} },
    });
    expect(await ready.isReady("m")).toBe(false);
    for await (const _ of stream(request, signal)) {
      expect([await ready.isReady("m"), await ready.isReady("other")]).toEqual([true, false]);
      break;
    }
    expect(await ready.isReady("m")).toBe(false);
  });
});
