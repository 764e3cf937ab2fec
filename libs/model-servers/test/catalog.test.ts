import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createCatalog } from "../src/catalog.ts";
import type { ModelServer } from "../src/model-server.ts";

/** Starts a server. @returns it, with the `Authorization` header of each request that it got */
async function listing(name: string, answer: (asked: number) => { status: number; body: string }) {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    const { status, body } = answer(seen.length);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  onTestFinished(() => void close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server: { name, url, apiKey: "key" } as ModelServer, seen, close };
}

const LIST = JSON.stringify({
  data: [
    { id: "x", status: { value: "loaded" } },
    { id: "y", name: "Y", status: { value: "unloaded" } },
    { id: "z", status: "odd" },
  ],
});

test("servers are asked in parallel, once for all callers, and again after the TTL", async () => {
  let now = 0;
  const one = await listing("a", () => ({ status: 200, body: LIST }));
  const catalog = createCatalog({ servers: [one.server], timeoutMs: 5_000, ttlMs: 1_000, now: () => now });
  const [first] = await Promise.all([catalog.read(), catalog.read(), catalog.read()]);
  expect(first?.[0]?.models?.map(({ id, name, loaded }) => [id, name, loaded])).toEqual([
    ["x", null, true],
    ["y", "Y", false],
    ["z", null, null],
  ]);
  expect(one.seen).toEqual(["Bearer key"]);
  now = 1_001;
  await catalog.read();
  expect(one.seen).toHaveLength(2);
});

test("of a server that is away its last list is kept, which says who may use its models", async () => {
  const falling = await listing("falling", (asked) => ({ status: asked === 1 ? 200 : 503, body: LIST }));
  const catalog = createCatalog({ servers: [falling.server], timeoutMs: 5_000, ttlMs: 0, now: () => 0 });
  for (const models of [["x", "y", "z"], undefined, undefined]) {
    const [server] = await catalog.read();
    expect(server?.models?.map(({ id }) => id)).toEqual(models);
    expect(server?.lastModels?.map(({ id }) => id)).toEqual(["x", "y", "z"]);
  }
});

test("a server that is away, refuses, or sends no model list is reported and does not hide the others", async () => {
  const refusing = await listing("refusing", () => ({ status: 401, body: "{}" }));
  const odd = await listing("odd", () => ({ status: 200, body: "<html>" }));
  const good = await listing("good", () => ({ status: 200, body: LIST }));
  const gone = await listing("gone", () => ({ status: 200, body: LIST }));
  await gone.close();
  const servers = [gone.server, refusing.server, odd.server, good.server];
  const away: string[] = [];
  const catalog = createCatalog({
    ...{ servers, timeoutMs: 5_000, ttlMs: 0, now: () => 0 },
    onAway: (name) => away.push(name),
  });
  const read = await catalog.read();
  expect(read.map(({ error }) => error)).toEqual([
    "the connection was refused",
    "refused the key (HTTP 401)",
    "the answer is not a model list",
    null,
  ]);
  expect(read.map(({ keyRefused }) => keyRefused)).toEqual([false, true, false, false]);
  expect(read.at(-1)?.models).toHaveLength(3);
  await catalog.read();
  expect(away.sort()).toEqual(["gone", "odd", "refusing"]);
});

test("a server that returns is found again soon", async () => {
  let now = 0;
  const flaky = await listing("flaky", (asked) => ({ status: asked === 1 ? 503 : 200, body: LIST }));
  const catalog = createCatalog({ servers: [flaky.server], timeoutMs: 5_000, ttlMs: 60_000, now: () => now });
  expect((await catalog.read())[0]?.models).toBeNull();
  now = 5_001;
  expect((await catalog.read())[0]?.models).toHaveLength(3);
});
