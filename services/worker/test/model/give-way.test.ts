import { randomUUID } from "node:crypto";
import { testRedis } from "@boocode/backing-services/testing";
import { createCatalog, type ModelServer, modelServersOf } from "@boocode/model-servers";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createModelServers } from "../../src/model/model-servers.ts";
import { GaveWay } from "../../src/model/scheduling/give-way.ts";
import { createSlots } from "../../src/model/scheduling/slots.ts";
import type { ModelRequest, ReplyEvent } from "../../src/turn/ports.ts";
import { namingRequest } from "../../src/turn/session-name.ts";
import { beginStream, DONE, delta, modelServer } from "./model-server.ts";

let server: Awaited<ReturnType<typeof testRedis>>;
let redis: Redis;
beforeAll(async () => {
  server = await testRedis();
  redis = connectRedis(server.url);
  await untilRedisReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const never = new AbortController().signal;
const title = namingRequest("m", "Where is the limit?", "In slots.ts.");
const turn: ModelRequest = {
  ...{ model: "m", system: "", messages: [{ role: "user", content: "go" }], tools: [] },
  ...{ toolChoice: "auto", maxTokens: 100 },
};

/** A server that answers one request at a time. The answer to a request for a title ends only when its client leaves. */
async function oneSlot() {
  let busy: Promise<void> = Promise.resolve();
  return await modelServer(async ({ path, body }, response) => {
    if (!path.endsWith("/chat/completions")) return void response.writeHead(404).end();
    const before = busy;
    busy = new Promise((resolve) => response.on("close", resolve));
    await before;
    if (response.destroyed) return;
    beginStream(response, delta({ content: "word " }));
    if (!/title/.test(JSON.stringify(body))) response.end(delta({}, "stop") + DONE);
  });
}

/** One worker's model servers, whose slots are shared by all workers with the same prefix. */
function worker(url: string, prefix: string, settings: Partial<ModelServer>) {
  const [named] = modelServersOf({ LLAMA_SWAP_URL: url, MODEL_SERVERS: [] } as never) as [ModelServer];
  const servers = [{ ...named, ...settings }];
  const slots = createSlots({
    ...{ redis, leaseMs: 5_000, newTicket: randomUUID, onError: () => {} },
    keyOf: (name) => `${prefix}:{${name}}`,
  });
  onTestFinished(() => slots.stop());
  return createModelServers({
    ...{ servers, slots, defaultModel: undefined, log: () => {} },
    catalog: createCatalog({ servers, timeoutMs: 5_000, ttlMs: 0, now: () => 0, onAway: () => {} }),
    ...{ idleTimeoutMs: 60_000, firstByteTimeoutMs: 60_000, silenceNoticeMs: 60_000 },
    retries: { retries: 0, budgetMs: 0, loadingMs: 0 },
  });
}

describe("a request for a title", () => {
  it.each([
    ["whose server has a limit", { maxConcurrent: 1 }],
    ["whose server queues requests itself", {}],
  ])("gives way to a turn of another worker, %s, and is retried later", async (_, settings) => {
    const { baseUrl, clientLeft } = await oneSlot();
    const prefix = randomUUID();
    const [naming, other] = [worker(baseUrl, prefix, settings), worker(baseUrl, prefix, settings)];
    const naming1 = naming.streamReply(title, never)[Symbol.asyncIterator]();
    expect((await naming1.next()).value).toMatchObject({ type: "text" });
    const gone = expect(naming1.next()).rejects.toThrow(GaveWay);
    const events: ReplyEvent[] = [];
    for await (const event of other.streamReply(turn, never)) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: "reply", reply: { content: "word " } });
    await Promise.all([gone, clientLeft]);
    // As soon as no turn waits, it is answered.
    await expect
      .poll(async () => {
        const again = naming.streamReply(title, never)[Symbol.asyncIterator]();
        const first = await again.next().catch((error: unknown) => ({ value: error }));
        await again.return?.();
        return first.value;
      })
      .toMatchObject({ type: "text" });
  });

  it("does not give way to other titles, or to turns that are being answered", async () => {
    const { baseUrl } = await modelServer(({ path }, response) => {
      if (!path.endsWith("/chat/completions")) return void response.writeHead(404).end();
      beginStream(response, delta({ content: "word " }));
    });
    const one = worker(baseUrl, randomUUID(), {});
    const open = [title, turn, title].map((request) => one.streamReply(request, never)[Symbol.asyncIterator]());
    const firsts = await Promise.all(open.map((request) => request.next()));
    expect(firsts.map(({ value }) => (value as ReplyEvent).type)).toEqual(["text", "text", "text"]);
    const seconds = open.map((request) => request.next());
    // Longer than the interval at which a request for a title checks for waiting turns.
    const silence = new Promise((resolve) => setTimeout(resolve, 400, "silence"));
    expect(await Promise.race([...seconds, silence])).toBe("silence");
    for (const second of seconds) second.catch(() => {});
  });
});
