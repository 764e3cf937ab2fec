import { createServer, type RequestListener } from "node:http";
import { afterEach, expect, test } from "vitest";
import { answerHealth, checkReadiness } from "./health.ts";
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

test("each dependency is reported by name; one whose check throws, rejects or returns false is down", async () => {
  const readiness = await checkReadiness({
    fine: () => Promise.resolve("PONG"),
    silent: () => undefined,
    throws: () => {
      throw new Error("x");
    },
    rejects: () => Promise.reject(new Error("x")),
    denies: () => false,
  });
  const dependencies = { fine: "ok", silent: "ok", throws: "down", rejects: "down", denies: "down" };
  expect(readiness).toEqual({ status: "not_ready", dependencies });
  expect(await checkReadiness({ fine: () => true })).toEqual({ status: "ready", dependencies: { fine: "ok" } });
});

test("a dependency that never answers is down after one second, and the checks run in parallel", async () => {
  const startedAt = performance.now();
  const never = () => new Promise(() => {});
  expect((await checkReadiness({ a: never, b: never, c: never })).dependencies).toEqual({
    a: "down",
    b: "down",
    c: "down",
  });
  expect(performance.now() - startedAt).toBeLessThan(2_500);
});

test("liveness, readiness and metrics are answered whatever the query; other requests are not", async () => {
  let up = true;
  const url = await serve((request, response) => {
    const metrics = () => (up ? Promise.resolve("figures 1\n") : Promise.reject(new Error("x")));
    if (!answerHealth(request, response, { it: () => up }, metrics)) response.writeHead(418).end();
  });
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return [response.status, await response.text()];
  };
  expect(await get("/healthz?x=1")).toEqual([200, '{"status":"ok"}']);
  expect(await get("/readyz")).toEqual([200, '{"status":"ready","dependencies":{"it":"ok"}}']);
  expect(await get("/metrics")).toEqual([200, "figures 1\n"]);
  up = false;
  expect(await get("/healthz")).toEqual([200, '{"status":"ok"}']);
  expect(await get("/readyz")).toEqual([503, '{"status":"not_ready","dependencies":{"it":"down"}}']);
  expect((await get("/metrics"))[0]).toBe(500);
  expect((await get("/"))[0]).toBe(418);
});

test("a server that cannot listen rejects with the reason", async () => {
  const url = await serve(() => {});
  await expect(listen(createServer(), "127.0.0.1", Number(new URL(url).port))).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});
