import { describe, expect, it, onTestFinished } from "vitest";
import type { Piece } from "../../src/model/decode/thoughts/piece.ts";
import { createContextSize } from "../../src/model/discovery/context-size.ts";
import { createStreamReply } from "../../src/model/stream-reply.ts";
import type { ModelFailure, ModelRequest } from "../../src/turn/ports.ts";
import { checkRequest } from "./check-request.ts";
import { type CaseResult, misses } from "./expect-case.ts";
import { joinPieces } from "./join-pieces.ts";
import { type PlayedServer, serveCase } from "./serve-case.ts";
import { type WireCase, wireCases } from "./wire-case.ts";

const cases = wireCases();

describe("responses of real servers", () => {
  it("has its recordings", () => expect(cases.length).toBeGreaterThan(90));

  for (const wire of cases) {
    it(`understands ${wire.id}`, async () => {
      const server = await serveCase(wire);
      onTestFinished(() => server.close());
      const result = await converse(wire, server);
      expect(misses(wire.expect.must, result)).toEqual([]);
      expect(misses(wire.expect.should, result)).toEqual([]);
      if (!mentionsError(wire)) expect(result.error).toBeNull();
      if (wire.expect.must.abortAfterMs) await server.clientLeft;
      expect(server.requests.flatMap(({ body, headers }) => checkRequest(body, headers))).toEqual([]);
    });
  }
});

async function converse(wire: WireCase, { baseUrl, played }: PlayedServer): Promise<CaseResult> {
  const contextSize = createContextSize({ server: { url: baseUrl }, timeoutMs: 2_000 });
  let timings: unknown = null;
  const streamReply = createStreamReply({
    server: { url: baseUrl },
    idleTimeoutMs: 60_000,
    firstByteTimeoutMs: 60_000,
    contextSize,
    log: (facts) => {
      timings = facts.timings;
    },
  });
  const request: ModelRequest = {
    model: wire.model,
    system: "You are terse.",
    messages: [{ role: "user", content: "go" }],
    tools: [{ name: "noop", description: "does nothing", purpose: "", parameters: { type: "object", properties: {} } }],
    toolChoice: "auto",
    maxTokens: 1_000,
  };
  const abort = new AbortController();
  // The recorded client aborted after a time; here it aborts as soon as the server falls silent.
  if (wire.expect.must.abortAfterMs) void played.then(() => abort.abort());
  const start = performance.now();
  const result: CaseResult = { content: "", reasoning: "", contentDeltas: 0, toolCalls: [], error: null };
  const pieces: Piece[] = [];
  try {
    for await (const event of streamReply(request, abort.signal)) {
      if (event.type === "text" || event.type === "reasoning" || event.type === "text_was_reasoning") {
        pieces.push(event);
        const { text: content, reasoning } = joinPieces(pieces);
        Object.assign(result, {
          content,
          reasoning,
          contentDeltas: pieces.filter(({ type }) => type === "text").length,
        });
      } else if (event.type === "reply") {
        const { toolCalls, contextSize: nCtx, ...reply } = event.reply;
        expect(reply.content).toBe(result.content);
        expect(reply.reasoning).toBe(result.reasoning);
        const calls = toolCalls.map((call) => ({ ...call, args: call.arguments }));
        Object.assign(result, reply, { toolCalls: calls, nCtx, timings });
      }
    }
  } catch (error) {
    const { message, retryAfterMs, retryable } = error as ModelFailure;
    Object.assign(result, { error: message, retryAfterMs, retryable, nCtx: contextSize.known(wire.model) });
  }
  result.ms = performance.now() - start;
  return result;
}

function mentionsError({ expect: { must, should } }: WireCase): boolean {
  return "error" in must || "error" in should || "abortAfterMs" in must || JSON.stringify(must).includes('"error"');
}
