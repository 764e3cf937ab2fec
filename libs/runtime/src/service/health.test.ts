import { createServer, type RequestListener } from "node:http";
import { afterEach, expect, test } from "vitest";
import { createDependencies } from "./dependencies.ts";
import { answerHealth } from "./health.ts";
import { createLogger } from "./logger.ts";
import { listen } from "./serve-http.ts";

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  return await listen(server, "127.0.0.1", 0);
}

test("liveness, readiness and metrics are answered whatever the query; other requests are not", async () => {
  let up = true;
  let time = 0;
  const dependencies = createDependencies(createLogger("test", "silent"), () => time);
  dependencies.add("it", () => up);
  const url = await serve((request, response) => {
    const metrics = () => (up ? Promise.resolve("figures 1\n") : Promise.reject(new Error("x")));
    if (!answerHealth(request, response, dependencies, metrics)) response.writeHead(418).end();
  });
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return [response.status, await response.text()];
  };
  expect(await get("/healthz?x=1")).toEqual([200, '{"status":"ok"}']);
  expect(await get("/readyz")).toEqual([200, '{"status":"ready","dependencies":{"it":"ok"}}']);
  expect(await get("/metrics")).toEqual([200, "figures 1\n"]);
  up = false;
  time += 2_000;
  expect(await get("/healthz")).toEqual([200, '{"status":"ok"}']);
  expect(await get("/readyz")).toEqual([
    503,
    '{"status":"not_ready","dependencies":{"it":"down"},"reasons":{"it":"unreachable"}}',
  ]);
  expect((await get("/metrics"))[0]).toBe(500);
  expect((await get("/"))[0]).toBe(418);
  expect((await get("/healthz/"))[0]).toBe(200);
  const posted = await fetch(`${url}/healthz`, { method: "POST" });
  expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test("a server that cannot listen rejects with the reason", async () => {
  const url = await serve(() => {});
  await expect(listen(createServer(), "127.0.0.1", Number(new URL(url).port))).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});
