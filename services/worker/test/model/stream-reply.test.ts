import { MAX_REPLY_BYTES } from "@boocode/contracts";
import { NO_TRAITS } from "@boocode/model-servers";
import { keepSecret } from "@boocode/runtime";
import { describe, expect, it } from "vitest";
import { createKnownTraits } from "../../src/model/discovery/known-traits.ts";
import { createStreamReply, type StreamReplyDeps } from "../../src/model/stream-reply.ts";
import type { ModelFailure, ModelRequest, Reply, ReplyEvent } from "../../src/turn/ports.ts";
import { beginStream, DONE, delta, modelServer, sendJson } from "./model-server.ts";

const request: ModelRequest = {
  model: "m",
  system: "",
  messages: [{ role: "user", content: "go" }],
  tools: [],
  toolChoice: "auto",
  maxTokens: 1_000,
};
const never = new AbortController().signal;
const unknownSize = { get: async () => null, learn: () => {} };
const overflow = { error: { type: "exceed_context_size_error", message: "too long", n_ctx: 4096 } };

function streamReply(baseUrl: string, deps: Partial<StreamReplyDeps> = {}) {
  return createStreamReply({
    server: { url: baseUrl },
    idleTimeoutMs: 30_000,
    firstByteTimeoutMs: 30_000,
    contextSize: unknownSize,
    ...deps,
  });
}

async function replyOf(events: AsyncIterable<ReplyEvent>): Promise<Reply> {
  for await (const event of events) if (event.type === "reply") return event.reply;
  throw new Error("no reply");
}

async function failureOf(events: AsyncIterable<ReplyEvent>): Promise<ModelFailure> {
  try {
    await replyOf(events);
  } catch (error) {
    return error as ModelFailure;
  }
  throw new Error("no failure");
}

describe("a request to the model server", () => {
  it.each(["stream", "whole"])("fails when the reply, as a %s, is longer than what is stored", async (form) => {
    const piece = "x".repeat(MAX_REPLY_BYTES / 4);
    const calls = (text: string) =>
      delta({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: text } }] });
    const server = await modelServer((_, response) => {
      if (form === "whole") {
        const message = { role: "assistant", content: piece.repeat(5) };
        return sendJson(response, 200, { choices: [{ index: 0, message, finish_reason: "stop" }] });
      }
      // A control character takes six bytes.
      const last = delta({ content: "\u0001".repeat(MAX_REPLY_BYTES / 20) }, "stop");
      beginStream(response, delta({ content: piece }), delta({ reasoning_content: piece }), calls(piece), last, DONE);
      response.end();
    });
    const failure = await failureOf(streamReply(server.baseUrl)(request, never));
    expect(failure).toMatchObject({
      code: "model_error",
      message: expect.stringContaining(`${MAX_REPLY_BYTES} bytes`),
    });
  });

  it("streams text and ends with the reply, even if the server's address ends with a slash", async () => {
    const server = await modelServer((_, response) => {
      beginStream(response, delta({ content: "Hel" }), delta({ content: "lo" }), delta({}, "stop"), DONE);
      response.end();
    });
    const contextSize = { get: async () => 8192, learn: () => {} };
    const events: ReplyEvent[] = [];
    const ask = streamReply("", { server: { url: `${server.baseUrl}/`, apiKey: "secret" }, contextSize });
    for await (const event of ask(request, never)) events.push(event);
    expect(events.map((event) => (event.type === "text" ? event.text : event.type))).toEqual(["Hel", "lo", "reply"]);
    expect(events.at(-1)).toMatchObject({ reply: { content: "Hello", finishReason: "stop", contextSize: 8192 } });
    expect(server.seen[0]).toMatchObject({
      path: "/v1/chat/completions",
      headers: { authorization: "Bearer secret", accept: "*/*", "content-type": "application/json" },
      body: { model: "m", stream: true, stream_options: { include_usage: true } },
    });
  });

  it("does not wait for a server that never reports its window", async () => {
    const server = await modelServer((_, response) => beginStream(response, delta({ content: "a" }, "stop"), DONE));
    const contextSize = { get: () => new Promise<never>(() => {}), learn: () => {} };
    expect(await replyOf(streamReply(server.baseUrl, { contextSize })(request, never))).toMatchObject({
      contextSize: null,
    });
  });

  it("names a model even if the session does not", async () => {
    const server = await modelServer((_, response) => beginStream(response, delta({ content: "a" }, "stop"), DONE));
    const nameless = { ...request, model: null };
    await replyOf(streamReply(server.baseUrl, { defaultModel: "usual" })(nameless, never));
    await replyOf(streamReply(server.baseUrl)(nameless, never));
    expect(server.seen.map(({ body }) => body?.model)).toEqual(["usual", "default"]);
  });

  it("omits stream_options once a server has rejected them", async () => {
    const server = await modelServer(({ body }, response) => {
      if (body?.stream_options)
        return sendJson(response, 422, { detail: [{ loc: ["body", "stream_options"], msg: "extra" }] });
      beginStream(response, delta({ content: "a" }, "stop"), DONE);
    });
    const ask = streamReply(server.baseUrl);
    await replyOf(ask(request, never));
    await replyOf(ask(request, never));
    expect(server.seen.map(({ body }) => body?.stream_options !== undefined)).toEqual([true, false, false]);
  });

  it("replays calls one by one if the template does not support several at once", async () => {
    const server = await modelServer((_, response) => beginStream(response, delta({ content: "a" }, "stop"), DONE));
    const traits = createKnownTraits();
    traits.learn("m", { single_tool_calls: true });
    const toolCalls = ["a", "b"].map((id) => ({ id, name: "grep", arguments: {} }));
    const messages = [...request.messages, { role: "assistant" as const, content: "", toolCalls }];
    await replyOf(streamReply(server.baseUrl, { traits })({ ...request, messages }, never));
    const roles = (server.seen.at(0)!.body!.messages as { role: string }[]).map(({ role }) => role);
    expect(roles).toEqual(["user", "assistant", "tool", "assistant", "tool"]);
  });
});

describe("the notice that a model is loading", () => {
  const kinds = async (events: AsyncIterable<ReplyEvent>) => {
    const told: string[] = [];
    for await (const event of events) told.push(event.type === "loading" ? event.cause : event.type);
    return told;
  };

  it("is sent once when the server is silent, and not when it answers soon", async () => {
    let answer = () => {};
    const server = await modelServer((_, response) => {
      answer = () => void beginStream(response, delta({ content: "a" }, "stop"), DONE);
      if (server.seen.length > 1) answer();
    });
    const ask = streamReply(server.baseUrl, { silenceNoticeMs: 30 });
    const events = ask(request, never)[Symbol.asyncIterator]();
    expect(await events.next()).toMatchObject({ value: { type: "loading", cause: "silence" } });
    // The notice may come before the request has arrived, and `answer` does nothing until then.
    await expect.poll(() => server.seen.length, { timeout: 20_000 }).toBe(1);
    answer();
    expect(await kinds({ [Symbol.asyncIterator]: () => events })).toEqual(["text", "reply"]);
    expect(await kinds(streamReply(server.baseUrl, { silenceNoticeMs: 20_000 })(request, never))).toEqual([
      "text",
      "reply",
    ]);
  });

  it("is sent before the first text when a proxy reports that it is loading the model", async () => {
    const chat = `data: {"choices":[{"delta":{"reasoning_content":"loading"}}]}\n\n`;
    const server = await modelServer((_, response) =>
      beginStream(response, chat + chat + delta({ content: "a" }, "stop") + DONE),
    );
    expect(await kinds(streamReply(server.baseUrl)(request, never))).toEqual(["told", "text", "reply"]);
  });
});

describe("a server with quirks", () => {
  it("gets its reasoning back with every call, and other servers do not", async () => {
    const server = await modelServer((_, response) => beginStream(response, delta({ content: "a" }, "stop"), DONE));
    const toolCalls = [{ id: "a", name: "grep", arguments: {} }];
    const messages = [
      ...request.messages,
      { role: "assistant" as const, content: "", reasoning: "hm \ud800", toolCalls },
      { role: "assistant" as const, content: "well", reasoning: "an answer's", toolCalls: [] },
      { role: "user" as const, content: "and?" },
      { role: "assistant" as const, content: "", toolCalls },
    ];
    await replyOf(
      streamReply(server.baseUrl, { traits: createKnownTraits({ ...NO_TRAITS, replay_reasoning: true }) })(
        { ...request, messages },
        never,
      ),
    );
    await replyOf(streamReply(server.baseUrl)({ ...request, messages }, never));
    const thoughts = server.seen
      .flatMap(({ body }) => (body ? [body.messages as Record<string, unknown>[]] : []))
      .map((sent) => sent.map((message) => message.reasoning_content));
    expect(thoughts[0]).toEqual([undefined, "hm \ufffd", undefined, "an answer's", undefined, "(none)", undefined]);
    expect(thoughts[1]?.every((thought) => thought === undefined)).toBe(true);
  });

  it("that rejects several calls in a message gets them one by one from then on", async () => {
    const jinja = "Jinja Exception: This model only supports single tool-calls at once!";
    const calls = ["a", "b"].map((id) => ({ id, name: "noop", arguments: {} }));
    const messages = [...request.messages, { role: "assistant" as const, content: "", toolCalls: calls }];
    const server = await modelServer(({ body }, response) => {
      const sent = body?.messages as { tool_calls?: unknown[] }[];
      if (!sent.some((message) => (message.tool_calls?.length ?? 0) > 1))
        return beginStream(response, delta({ content: "a" }, "stop"), DONE);
      response.writeHead(500).end(JSON.stringify({ error: { code: 500, message: jinja } }));
    });
    const ask = streamReply(server.baseUrl);
    await replyOf(ask({ ...request, messages }, never));
    await replyOf(ask({ ...request, messages }, never));
    expect(server.seen.filter(({ body }) => body)).toHaveLength(3);
  });

  it("gets no stream_options, and calls one by one, from the first request on", async () => {
    const server = await modelServer((_, response) => beginStream(response, delta({ content: "a" }, "stop"), DONE));
    const traits = createKnownTraits({ ...NO_TRAITS, no_stream_options: true, single_tool_calls: true });
    const tools = [{ name: "noop", description: "", purpose: "", parameters: {} }];
    await replyOf(streamReply(server.baseUrl, { traits })({ ...request, tools }, never));
    expect(server.seen[0]?.body).toMatchObject({ parallel_tool_calls: false });
    expect(server.seen[0]?.body).not.toHaveProperty("stream_options");
  });
});

describe("cancelling", () => {
  it("closes the socket while the server has sent no headers", async () => {
    const controller = new AbortController();
    const reason = new Error("stop");
    const server = await modelServer(() => controller.abort(reason));
    expect(await failureOf(streamReply(server.baseUrl)(request, controller.signal))).toBe(reason);
    await server.clientLeft;
  });

  it("closes the socket while the answer is read", async () => {
    const controller = new AbortController();
    const reason = new Error("stop");
    const server = await modelServer((_, response) => beginStream(response, delta({ content: "a" })));
    const read = async () => {
      for await (const event of streamReply(server.baseUrl)(request, controller.signal)) {
        if (event.type === "text") controller.abort(reason);
      }
    };
    await expect(read()).rejects.toBe(reason);
    await server.clientLeft;
  });

  it("closes the socket when the consumer stops", async () => {
    const server = await modelServer((_, response) => beginStream(response, delta({ content: "a" })));
    for await (const _ of streamReply(server.baseUrl)(request, never)) break;
    await server.clientLeft;
  });

  it("sends nothing when it is aborted from the start", async () => {
    const server = await modelServer(() => {});
    const reason = new Error("stop");
    expect(await failureOf(streamReply(server.baseUrl)(request, AbortSignal.abort(reason)))).toBe(reason);
    expect(server.seen).toEqual([]);
  });
});

describe("a server that goes silent", () => {
  it("times out before its headers, and after its last byte", async () => {
    const mute = await modelServer(() => {});
    // Long enough for the request to arrive even on a busy machine. Otherwise the server sees no client leave.
    const early = streamReply(mute.baseUrl, { firstByteTimeoutMs: 500 });
    const mutely = await failureOf(early(request, never));
    expect(mutely).toMatchObject({ code: "model_timeout", retryable: true });
    expect(mutely.silentMs).toBeGreaterThanOrEqual(450);
    await mute.clientLeft;
    const stalled = await modelServer((_, response) => beginStream(response, delta({ content: "a" })));
    const late = streamReply(stalled.baseUrl, { idleTimeoutMs: 50 });
    expect(await failureOf(late(request, never))).toMatchObject({ code: "model_timeout", retryable: false });
    await stalled.clientLeft;
  });

  it("times out when it sends only keep-alives", async () => {
    const server = await modelServer((_, response) => {
      beginStream(response);
      const beat = setInterval(() => response.write(":\n\n"), 5);
      response.on("close", () => clearInterval(beat));
    });
    const ask = streamReply(server.baseUrl, { firstByteTimeoutMs: 100 });
    expect(await failureOf(ask(request, never))).toMatchObject({ code: "model_timeout" });
  });

  it("is reported as loading when that was its last message", async () => {
    const chatter = 'data: {"choices":[{"delta":{"reasoning_content":"loading model"}}]}\n\n';
    const server = await modelServer((_, response) => beginStream(response, chatter));
    const ask = streamReply(server.baseUrl, { idleTimeoutMs: 50 });
    expect(await failureOf(ask(request, never))).toMatchObject({ code: "model_loading" });
  });

  it("has answered if the reply was complete, as has a server whose connection breaks after that", async () => {
    const open = await modelServer((_, response) => beginStream(response, delta({ content: "a" }, "stop")));
    const ask = streamReply(open.baseUrl, { idleTimeoutMs: 50 });
    expect(await replyOf(ask(request, never))).toMatchObject({ content: "a" });
    const broken = await modelServer((_, response) => {
      beginStream(response);
      response.write(delta({ content: "a" }, "stop"), () => setImmediate(() => response.socket?.destroy()));
    });
    expect(await replyOf(streamReply(broken.baseUrl)(request, never))).toMatchObject({ content: "a" });
  });
});

describe("secrets", () => {
  const KEY = 'sk-"echoed"-key';

  it("that a server echoes in a refusal, or in a stream, are removed from the failure", async () => {
    keepSecret(KEY);
    // The message is cut at 200 characters, inside the key.
    const error = { message: `${"x".repeat(190)}${KEY}`, type: KEY };
    const refusing = await modelServer((_, response) => sendJson(response, 400, { error }));
    const streaming = await modelServer((_, response) =>
      beginStream(response, `data: ${JSON.stringify({ error })}\n\n`),
    );
    for (const { baseUrl } of [refusing, streaming]) {
      const failure = await failureOf(streamReply(baseUrl)(request, never));
      expect(failure).toMatchObject({ code: "model_error", message: expect.stringContaining("[secret") });
      expect(failure.message).not.toContain("sk-");
    }
  });

  it("that a server echoes in its reply are removed, however the chunks divide them, and the pieces add up to the reply", async () => {
    const key = "sk-echo-0123456789";
    const said = { content: `key ${key}, sk-echo-9`, reasoning_content: `it is ${key}` };
    const call = { index: 0, id: `id-${key}`, function: { name: "grep", arguments: JSON.stringify({ [key]: [key] }) } };
    for (const size of [1, 3, 7, 100]) {
      const cut = (text: string) => text.match(new RegExp(`.{1,${size}}`, "gs")) ?? [];
      const server = await modelServer((_, response) => {
        beginStream(
          response,
          ...cut(said.reasoning_content).map((reasoning_content) => delta({ reasoning_content })),
          ...cut(said.content).map((content) => delta({ content })),
          delta({ tool_calls: [call] }),
          delta({}, `stop ${key}`).replace('"id":"c"', `"id":"c","model":"m ${key}"`),
          DONE,
        );
        response.end();
      });
      const events: ReplyEvent[] = [];
      const ask = streamReply("", { server: { url: server.baseUrl, apiKey: key } });
      for await (const event of ask({ ...request, tools: [] }, never)) events.push(event);
      expect(JSON.stringify(events)).not.toContain("0123456789");
      const joined = (type: "text" | "reasoning") =>
        events.map((event) => (event.type === type ? event.text : "")).join("");
      expect(events.at(-1)).toMatchObject({
        reply: {
          content: "key [secret], sk-echo-9",
          reasoning: "it is [secret]",
          toolCalls: [{ id: "id-[secret]", name: "grep", arguments: { "[secret]": ["[secret]"] } }],
          finishReason: "stop [secret]",
          model: "m [secret]",
        },
      });
      expect([joined("text"), joined("reasoning")]).toEqual(["key [secret], sk-echo-9", "it is [secret]"]);
    }
  });

  it("are not searched for in a reply when the key is a placeholder, and a cut stream loses no text", async () => {
    const text = "An answer about ollama, lm-studio and sk-no-key-required; sk-ech";
    for (const apiKey of ["ollama", "lm-studio", "sk-no-key-required", "sk-echo-0123456789"]) {
      const server = await modelServer((_, response) => {
        beginStream(response, delta({ content: text }));
        response.end();
      });
      let seen = "";
      const ask = streamReply("", { server: { url: server.baseUrl, apiKey } });
      const read = async () => {
        for await (const event of ask(request, never)) if (event.type === "text") seen += event.text;
      };
      await expect(read()).rejects.toMatchObject({ code: "model_cut", visible: true });
      expect(seen).toBe(text);
    }
  });

  it("in the runtime's error reach only the log, with the failure's cause", async () => {
    const logged: unknown[] = [];
    const log = (facts: Record<string, unknown>) => void logged.push(facts.err);
    const failure = await failureOf(streamReply("http://ada:pass@127.0.0.1:9", { log })(request, never));
    expect(failure.message).not.toMatch(/ada|pass/);
    expect(logged).toEqual([failure.cause]);
  });
});

describe("failures", () => {
  it("refuses a redirect to another origin for good", async () => {
    const other = await modelServer((_, response) => void response.end());
    const server = await modelServer((_, response) => {
      response.writeHead(308, { location: `${other.baseUrl}/v1/chat/completions` }).end();
    });
    const failure = await failureOf(streamReply(server.baseUrl)(request, never));
    expect(failure).toMatchObject({ code: "model_error", retryable: false });
    expect(failure.message).toContain(`redirects to ${other.baseUrl}`);
    expect(other.seen).toEqual([]);
  });

  it("reports a missing server as retryable", async () => {
    const gone = await failureOf(streamReply("http://127.0.0.1:1")(request, never));
    expect(gone).toMatchObject({ code: "model_unreachable", retryable: true, status: null });
    expect(gone.message).toBe("the connection was refused");
    const reset = await modelServer((_, response) => void response.socket?.resetAndDestroy());
    expect(await failureOf(streamReply(reset.baseUrl)(request, never))).toMatchObject({ code: "model_unreachable" });
  });

  it("reports the status, the cause and the wait", async () => {
    const server = await modelServer((_, response) => {
      response.setHeader("retry-after-ms", "1840");
      sendJson(response, 429, { error: { message: "slow down" } });
    });
    const failure = await failureOf(streamReply(server.baseUrl)(request, never));
    expect(failure).toMatchObject({ status: 429, message: "HTTP 429: slow down", retryable: true, retryAfterMs: 1840 });
  });

  it("is retryable after a cut only if nothing was seen", async () => {
    for (const [events, retryable] of [
      [[delta({ role: "assistant", content: null })], true],
      [[delta({ content: "a" })], false],
    ] as const) {
      const server = await modelServer((_, response) => {
        beginStream(response, ...events);
        response.end();
      });
      const failure = await failureOf(streamReply(server.baseUrl)(request, never));
      expect(failure).toMatchObject({ code: "model_cut", retryable });
    }
  });

  it("reads tool calls from the text with either tool_choice, but only for tools that were offered", async () => {
    const server = await modelServer((_, response) =>
      beginStream(response, delta({ content: "[TOOL_CALLS]noop[ARGS]{}" }, "stop"), DONE),
    );
    const ask = async (toolChoice: "auto" | "none", names: string[]) => {
      const tools = names.map((name) => ({ name, description: "", purpose: "", parameters: {} }));
      return await replyOf(streamReply(server.baseUrl)({ ...request, tools, toolChoice }, never));
    };
    for (const toolChoice of ["auto", "none"] as const)
      expect(await ask(toolChoice, ["noop"])).toMatchObject({
        content: "",
        toolCalls: [{ name: "noop", arguments: {} }],
      });
    for (const names of [["other"], []])
      expect(await ask("auto", names)).toMatchObject({ content: "[TOOL_CALLS]noop[ARGS]{}", toolCalls: [] });
  });

  it("fails with model_malformed_call on Gemini's finish reason, before and after visible text", async () => {
    for (const [said, visible] of [
      [{}, false],
      [{ content: "Let me look." }, true],
    ] as const) {
      const server = await modelServer((_, response) =>
        beginStream(response, delta(said, "function_call_filter: MALFORMED_FUNCTION_CALL"), DONE),
      );
      const failure = await failureOf(streamReply(server.baseUrl)(request, never));
      expect(failure).toMatchObject({ code: "model_malformed_call", retryable: !visible, passing: true, visible });
    }
  });

  it("treats an HTML page as an error, even with status 200", async () => {
    const server = await modelServer((_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html><title>Log in</title></html>");
    });
    const failure = await failureOf(streamReply(server.baseUrl)(request, never));
    expect(failure).toMatchObject({ code: "model_error", message: "Log in" });
  });

  it("learns the window from an overflow, in a refusal or in a stream", async () => {
    for (const refuse of [true, false]) {
      const server = await modelServer((_, response) => {
        if (refuse) return sendJson(response, 400, overflow);
        beginStream(response, `data: ${JSON.stringify(overflow)}\n\n`);
      });
      const learned: unknown[] = [];
      const contextSize = { get: async () => null, learn: (...facts: unknown[]) => void learned.push(facts) };
      const failure = await failureOf(streamReply(server.baseUrl, { contextSize })(request, never));
      expect(failure).toMatchObject({ code: "context_overflow", retryable: false });
      expect(learned).toEqual([["m", 4096]]);
    }
  });
});

describe("the limit of an answer", () => {
  /** A server that refuses requests for more than `most` tokens with the given error. */
  const limited = (most: number, error: object) =>
    modelServer(({ body }, response) => {
      if (Number(body?.max_tokens) > most) return sendJson(response, 400, { error });
      beginStream(response, delta({ content: "a" }, "stop"), DONE);
    });
  const limits = (server: { seen: { body: Record<string, unknown> | null }[] }) =>
    server.seen.map(({ body }) => body?.max_tokens);

  it("is lowered to a server's own maximum, which is remembered for the model", async () => {
    const message = "max_tokens is too large: 1000. This model supports at most 400 completion tokens";
    const server = await limited(400, { message });
    const ask = streamReply(server.baseUrl);
    for (const model of ["m", "m", "other"]) await replyOf(ask({ ...request, model }, never));
    await replyOf(ask({ ...request, maxTokens: 100 }, never));
    expect(limits(server)).toEqual([1_000, 400, 400, 1_000, 400, 100]);
  });

  it("is lowered to what the window leaves beside the prompt, for that request alone; the window is learned", async () => {
    const message = "This model's maximum context length is 8192 tokens and your request has 7500 input tokens";
    const server = await limited(692, { message });
    const learned: unknown[] = [];
    const contextSize = { get: async () => null, learn: (...facts: unknown[]) => void learned.push(facts) };
    const ask = streamReply(server.baseUrl, { contextSize });
    for (let round = 0; round < 2; round++) await replyOf(ask(request, never));
    expect(limits(server)).toEqual([1_000, 692, 1_000, 692]);
    expect(learned).toEqual([
      ["m", 8_192],
      ["m", 8_192],
    ]);
  });

  it("is not lowered when hardly any room is left, because the prompt is too long then", async () => {
    const message = "This model's maximum context length is 8192 tokens and your request has 8100 input tokens";
    const server = await limited(92, { message });
    const failure = await failureOf(streamReply(server.baseUrl)(request, never));
    expect(failure).toMatchObject({ code: "context_overflow", overflow: { window: 8_192, promptTokens: 8_100 } });
    expect(limits(server)).toEqual([1_000]);
  });

  it("is lowered only a few times when no limit satisfies the server", async () => {
    const server = await limited(0, { message: "max_tokens is too large" });
    expect(await failureOf(streamReply(server.baseUrl)(request, never))).toMatchObject({ code: "model_error" });
    expect(limits(server)).toEqual([1_000, 250, 62, 15, 3]);
  });
});
