import { createCatalog, type ModelServer, modelServersOf } from "@boocode/model-servers";
import { expect, it } from "vitest";
import { createModelServers, ModelNotAllowed } from "../../src/model/model-servers.ts";
import type { SlotLimits } from "../../src/model/scheduling/queue-order.ts";
import type { Slots } from "../../src/model/scheduling/slots.ts";
import type { ModelRequest } from "../../src/turn/ports.ts";
import { beginStream, DONE, delta, modelServer, sendJson } from "./model-server.ts";

const request: ModelRequest = {
  ...{ model: "m", system: "", messages: [{ role: "user", content: "go" }], tools: [] },
  ...{ toolChoice: "auto", maxTokens: 100 },
};

it("a turn uses no model that the asker's role may not use, and its default is one that it may use", async () => {
  const { baseUrl } = await modelServer((_, response) =>
    sendJson(response, 200, { data: [{ id: "big" }, { id: "small" }] }),
  );
  const [named] = modelServersOf({ LLAMA_SWAP_URL: baseUrl, MODEL_SERVERS: [] } as never) as [ModelServer];
  const models = modelsOf([{ ...named, modelRoles: new Map([["big", ["admin"]]]) }], async () => () => {});
  expect(await Promise.all(["admin", "user"].map((role) => models.resolve(null, role)))).toEqual(["big", "small"]);
  expect(await models.resolve("big", "admin")).toBe("big");
  await expect(models.resolve("big", "user")).rejects.toThrow(ModelNotAllowed);
  const closed = modelsOf([{ ...named, roles: ["admin"] }], async () => () => {});
  await expect(closed.resolve(null, "user")).rejects.toThrow("your role may use no model");
});

function modelsOf(servers: ModelServer[], take: Slots["take"]) {
  return createModelServers({
    servers,
    catalog: createCatalog({ servers, timeoutMs: 5_000, ttlMs: 0, now: () => 0, onAway: () => {} }),
    slots: { take, wait: () => {}, isWaiting: async () => false, stop: async () => {} },
    defaultModel: undefined,
    ...{ idleTimeoutMs: 5_000, firstByteTimeoutMs: 5_000, silenceNoticeMs: 5_000 },
    retries: { retries: 0, budgetMs: 0, loadingMs: 0 },
    log: () => {},
  });
}

/** Returns the limits with which two requests take slots at a llama-server with four slots. */
async function limitsOf(settings: Partial<ModelServer>) {
  const { baseUrl } = await modelServer(({ path }, response) => {
    if (path.includes("/props"))
      return sendJson(response, 200, { default_generation_settings: { n_ctx: 8_192 }, total_slots: 4 });
    if (path.endsWith("/models")) return sendJson(response, 200, { data: [{ id: "m" }] });
    beginStream(response, delta({ content: "a" }, "stop"), DONE);
  });
  const [named] = modelServersOf({ LLAMA_SWAP_URL: baseUrl, MODEL_SERVERS: [] } as never) as [ModelServer];
  const seen: SlotLimits[] = [];
  const models = modelsOf([{ ...named, ...settings }], async ({ limits }) => {
    seen.push(limits);
    return () => {};
  });
  for (let round = 0; round < 2; round++)
    for await (const _ of models.streamReply(request, new AbortController().signal));
  return seen;
}

it("llama-server's own number of slots is the limit of a model, unless the settings have one", async () => {
  const unlimited = { server: null, model: null };
  expect(await limitsOf({})).toEqual([unlimited, { server: null, model: 4 }]);
  const eight = { server: 8, model: null };
  expect(await limitsOf({ maxConcurrent: 8 })).toEqual([eight, eight]);
  const two = { server: null, model: 2 };
  expect(await limitsOf({ maxConcurrentPerModel: 2 })).toEqual([two, two]);
});
