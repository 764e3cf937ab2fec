import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { fetchModelList } from "../src/fetch-model-list.ts";
import { requestTo } from "../src/request-to.ts";
import { httpServer } from "./http-server.ts";

const signal = AbortSignal.timeout(30_000);
const MODELS = JSON.stringify([{ id: "x" }]);

/** A server that knows one path only. */
const serving = (known: string, type = "application/json") =>
  httpServer(({ path }, response) => {
    if (path === known) response.writeHead(200, { "content-type": type }).end(MODELS);
    else response.writeHead(404).end("no such route");
  });
const pathsOf = (server: { seen: { path: string }[] }) => server.seen.map(({ path }) => path);

test("after a 404 the other form of the URL is tried once, and remembered for every request", async () => {
  const server = await serving("/prefix/v1/models");
  const address = { url: `${server.url}/prefix` };
  expect(await fetchModelList(address, 5_000)).toMatchObject([{ id: "x" }]);
  await fetchModelList(address, 5_000);
  expect((await requestTo(address, "/v1/chat/completions", { body: {}, signal })).status).toBe(404);
  const v1 = "/prefix/v1";
  expect(pathsOf(server)).toEqual(["/prefix/models", `${v1}/models`, `${v1}/models`, `${v1}/chat/completions`]);
});

test("a path is the base as it is, and once it has answered a 404 is about the model", async () => {
  const server = await serving("/api/paas/v4/models?a=b");
  const address = { url: `${server.url}/api/paas/v4?a=b` };
  expect(await fetchModelList(address, 5_000)).toHaveLength(1);
  await requestTo(address, "/v1/chat/completions", { body: {}, signal });
  expect(pathsOf(server)).toEqual(["/api/paas/v4/models?a=b", "/api/paas/v4/chat/completions?a=b"]);
});

test("if neither form is there, or the other is a web page, the first answer counts", async () => {
  const none = await serving("/other");
  expect(await (await requestTo(none, "/v1/models", { signal })).text()).toBe("no such route");
  expect(pathsOf(none)).toEqual(["/v1/models", "/models"]);
  const page = await serving("/models", "text/html");
  expect((await requestTo(page, "/v1/models", { signal })).status).toBe(404);
  // A server that answers every path with its page, and a POST with 405.
  const site = await httpServer(({ path, method }, response) => {
    if (path === "/prefix/v1/chat/completions") response.end("{}");
    else response.writeHead(method === "POST" ? 405 : 200, { "content-type": "text/html" }).end("<html>");
  });
  const address = { url: `${site.url}/prefix` };
  expect((await requestTo(address, "/v1/models", { signal })).status).toBe(200);
  expect(await (await requestTo(address, "/v1/chat/completions", { body: {}, signal })).text()).toBe("{}");
});

test("requests carry the extra headers and the login", async () => {
  const server = await serving("/v1/models");
  const headers = { "x-org": "o" };
  await requestTo({ url: server.url, headers, basicAuth: "ada:p@ss" }, "/v1/models", { signal });
  await requestTo({ url: server.url, apiKey: "key" }, "/props", { signal });
  expect(server.seen.map((seen) => [seen.headers["x-org"], seen.headers.authorization])).toEqual([
    ["o", `Basic ${Buffer.from("ada:p@ss").toString("base64")}`],
    [undefined, "Bearer key"],
  ]);
});

test("a compressed answer is read although none was asked for", async () => {
  const server = await httpServer(({ path }, response) => {
    const [encoding, compress] = path === "/br" ? (["br", brotliCompressSync] as const) : (["gzip", gzipSync] as const);
    response.writeHead(200, { "content-encoding": encoding }).end(compress(MODELS));
  });
  for (const path of ["/gzip", "/br"])
    expect(await (await requestTo(server, path, { signal })).json()).toEqual([{ id: "x" }]);
  expect(server.seen.map(({ headers }) => headers["accept-encoding"])).toEqual(["identity", "identity"]);
});

test("an answer of many chunks is read whole, however slowly", async () => {
  const part = "x".repeat(20_000);
  const server = await httpServer((_, response) => {
    for (let sent = 0; sent < 200; sent++) response.write(part);
    response.end();
  });
  const answer = await requestTo(server, "/long", { signal });
  let length = 0;
  for (let bytes = await answer.read(); bytes !== null; bytes = await answer.read()) {
    length += bytes.length;
    await new Promise(setImmediate);
  }
  expect(length).toBe(200 * part.length);
});
