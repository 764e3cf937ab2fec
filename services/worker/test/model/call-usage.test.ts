import { describe, expect, it } from "vitest";
import { createStreamReply } from "../../src/model/stream-reply.ts";
import type { CallUsage, ModelRequest } from "../../src/turn/ports.ts";
import { beginStream, DONE, delta, modelServer, sendJson } from "./model-server.ts";

type Answering = Parameters<typeof modelServer>[0];

/** Sends one request, aborts it at its first text if `aborts`, and returns what it reports as used. */
async function usageOf(answering: Answering, { aborts = false } = {}): Promise<CallUsage[]> {
  const server = await modelServer(answering);
  const used: CallUsage[] = [];
  const request: ModelRequest = {
    ...{ model: "m", system: "", messages: [{ role: "user", content: "go" }], tools: [], toolChoice: "auto" },
    ...{ maxTokens: 1_000, onUsed: (usage) => void used.push(usage) },
  };
  const streamReply = createStreamReply({
    ...{ server: { url: server.baseUrl }, idleTimeoutMs: 30_000, firstByteTimeoutMs: 30_000 },
    contextSize: { get: async () => null, learn: () => {} },
  });
  const abort = new AbortController();
  try {
    for await (const event of streamReply(request, abort.signal)) if (aborts && event.type === "text") abort.abort();
  } catch {
    // What a failed request used is what these tests are about.
  }
  return used;
}

const usage = (more: object) => ({ usage: { prompt_tokens: 9, completion_tokens: 4, ...more } });

describe("what a request used is reported once", () => {
  it("when it is answered, with the parts that the server reports", async () => {
    const details = {
      prompt_tokens_details: { cached_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 3 },
    };
    for (const [more, cachedTokens, reasoningTokens] of [
      [details, 5, 3],
      [{ prompt_cache_hit_tokens: 6 }, 6, null],
      [{}, null, null],
    ] as const) {
      const used = await usageOf((_, response) => {
        beginStream(response, delta({ content: "Hello" }, null), delta({}, "stop", usage(more)), DONE);
        response.end();
      });
      expect(used).toMatchObject([{ promptTokens: 9, answerTokens: 4, cachedTokens, reasoningTokens }]);
    }
  });

  it("when it is cut, with the last counts or an estimate of everything that was received", async () => {
    const cut = (more: object) =>
      usageOf((_, response) => {
        const call = { index: 0, id: "c", function: { name: "grep", arguments: '{"pattern":"x"}' } };
        beginStream(response, delta({ content: "Hello there" }, null, more), delta({ tool_calls: [call] }));
        response.end();
      });
    expect(await cut(usage({}))).toMatchObject([{ promptTokens: 9, answerTokens: 4 }]);
    const [uncounted] = await cut({});
    expect(uncounted).toMatchObject({ promptTokens: null, answerTokens: null });
    expect(uncounted?.answerEstimate).toBeGreaterThan(6);
    // The first chunk of some servers counts no answer yet.
    expect(await cut(usage({ completion_tokens: 0 }))).toMatchObject([{ promptTokens: 9, answerTokens: null }]);
  });

  it("when it is aborted after the first word", async () => {
    const used = await usageOf((_, response) => beginStream(response, delta({ content: "Hello" })), { aborts: true });
    expect(used).toMatchObject([{ answerTokens: null }]);
    expect(used[0]?.answerEstimate).toBeGreaterThan(0);
  });

  it("with counts that are no counts as if there were none", async () => {
    const used = await usageOf((_, response) => {
      beginStream(
        response,
        delta({ content: "a" }, "stop", usage({ prompt_tokens: 1e15, completion_tokens: -1 })),
        DONE,
      );
      response.end();
    });
    expect(used).toMatchObject([{ promptTokens: null, answerTokens: null }]);
  });

  it("and nothing is when the server refuses it", async () => {
    expect(await usageOf((_, response) => sendJson(response, 400, { error: { message: "no" } }))).toEqual([]);
  });
});
