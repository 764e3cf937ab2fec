import { readFileSync } from "node:fs";
import { NO_TRAITS, type ServerTrait, ServerTraits } from "@boocode/model-servers";
import { describe, expect, it } from "vitest";
import { toRequest } from "../../src/model/encode/to-request.ts";
import { createStreamReply } from "../../src/model/stream-reply.ts";
import type { ModelRequest } from "../../src/turn/ports.ts";
import { beginStream, DONE, delta, modelServer } from "./model-server.ts";

/*
 * Each step of README's recipe "a quirk of a model server" that the compiler cannot check. `single_tool_calls` and the others
 * must be in `REFUSALS`, or this file does not compile.
 */

/** How a server with the trait refuses a request that does not respect it. */
const REFUSALS: Record<ServerTrait, { status: number; body: string }> = {
  replay_reasoning: {
    status: 400,
    body: "The `reasoning_content` in the thinking mode must be passed back to the API.",
  },
  no_stream_options: { status: 422, body: '{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs"}]}' },
  max_completion_tokens: {
    status: 400,
    body: '{"error":{"message":"Unsupported parameter: \'max_tokens\' is not supported with this model. Use \'max_completion_tokens\' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}',
  },
  no_max_tokens: { status: 400, body: '{"error":{"message":"Unrecognized request argument supplied: max_tokens"}}' },
  no_tools: { status: 400, body: '{"error":{"message":"registry.ollama.ai/library/gemma:2b does not support tools"}}' },
  single_tool_calls: { status: 500, body: "Jinja Exception: This model only supports single tool-calls at once!" },
};
const TRAITS = Object.keys(ServerTraits.shape) as ServerTrait[];

/** A request that every trait changes. */
const request: ModelRequest = {
  model: "m",
  system: "",
  messages: [
    { role: "user", content: "look" },
    {
      role: "assistant",
      content: "",
      reasoning: "hm",
      toolCalls: ["a", "b"].map((id) => ({ id, name: "noop", arguments: {} })),
    },
  ],
  tools: [{ name: "noop", description: "", purpose: "", parameters: {} }],
  toolChoice: "auto",
  maxTokens: 1_000,
};
const plain = JSON.stringify(toRequest(request, "m", NO_TRAITS));

const isPlain = (body: unknown) => JSON.stringify(body) === plain;

it.each([
  [400, '{"message":"\\"auto\\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"}'],
  [404, '{"error":{"message":"No endpoints found that support tool use.","code":404}}'],
  [500, '{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}'],
])("a server that refuses tools with %s %s answers without them, and the reply says so", async (status, body) => {
  const server = await modelServer((seen, response) => {
    if (seen.body?.tools !== undefined) return void response.writeHead(status).end(body);
    beginStream(response, delta({ content: "a" }, "stop"), DONE);
  });
  const contextSize = { get: async () => null, learn: () => {} };
  const ask = createStreamReply({
    ...{ server: { url: server.baseUrl }, idleTimeoutMs: 30_000, firstByteTimeoutMs: 30_000, contextSize },
  });
  const events: unknown[] = [];
  for await (const event of ask(request, new AbortController().signal)) events.push(event);
  expect(events.at(-1)).toMatchObject({ reply: { content: "a", seesTools: false } });
});

describe.each(TRAITS)("the trait %s", (trait) => {
  it("changes the encoded request", () => {
    expect(JSON.stringify(toRequest(request, "m", { ...NO_TRAITS, [trait]: true }))).not.toBe(plain);
  });

  it("is learned from one refused request", async () => {
    const { status, body } = REFUSALS[trait];
    const server = await modelServer((seen, response) => {
      const isRefused =
        trait === "no_max_tokens" ? /max_(completion_)?tokens/.test(JSON.stringify(seen.body)) : isPlain(seen.body);
      if (isRefused) return void response.writeHead(status).end(body);
      beginStream(response, delta({ content: "a" }, "stop"), DONE);
    });
    const contextSize = { get: async () => null, learn: () => {} };
    const ask = createStreamReply({
      ...{ server: { url: server.baseUrl }, idleTimeoutMs: 30_000, firstByteTimeoutMs: 30_000, contextSize },
    });
    for (let round = 0; round < 2; round++) {
      for await (const _ of ask(request, new AbortController().signal));
    }
    // A refused limit is first sent under its other name.
    const bodies = server.seen
      .map(({ body }) => body)
      .filter((body) => !("max_completion_tokens" in (body ?? {})) || trait !== "no_max_tokens");
    expect(bodies.map(isPlain)).toEqual([true, false, false]);
  });

  it("has a row in docs/models.md", () => {
    const docs = readFileSync(new URL("../../../../docs/models.md", import.meta.url), "utf8");
    expect(docs).toContain(`| \`${trait}\` |`);
  });
});
