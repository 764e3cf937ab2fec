import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { newClient, useApi } from "./fixture.ts";

const closed = useApi(
  {},
  { publicPages: [], maxConnections: 50, isTrustedProxy: (address) => address === "127.0.0.1" },
);
/** The signals of reads, which end only with them. */
const reads: AbortSignal[] = [];
const open = useApi({
  async readProject(_project, _user, _work, signal) {
    reads.push(signal);
    await once(signal, "abort");
    throw signal.reason;
  },
});

test("/metrics, /docs and /openapi.json are served unless the setting closes them", async () => {
  for (const url of ["/metrics", "/docs", "/docs/", "/openapi.json", "/docs/json"]) {
    expect([url, (await closed.app.inject({ url })).statusCode]).toEqual([url, 404]);
    expect([url, (await open.app.inject({ url })).statusCode < 400]).toEqual([url, true]);
  }
  expect((await closed.app.inject({ url: "/healthz" })).statusCode).toBe(200);
});

test("connections that send nothing are bounded by address, and a request must arrive in time", async () => {
  const { server } = closed.app;
  await closed.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = server.address() as AddressInfo;
  const silent = Array.from({ length: 30 }, () => connect(port, "127.0.0.1"));
  for (const socket of silent) socket.on("error", () => {});
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  const count = () => new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)));
  await expect.poll(count).toBe(10);
  expect([server.maxConnections, server.headersTimeout, server.requestTimeout]).toEqual([50, 10_000, 30_000]);
  for (const socket of silent) socket.destroy();
  // A connection that is refused would leave `fetch` without an answer or an error.
  await expect.poll(count).toBe(0);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

test("a read of a project ends when its client goes away", async () => {
  const { token, call } = await newClient(open);
  const { body } = await call("POST", "/api/projects", { name: "code", path: open.root });
  if (!open.app.server.listening) await open.app.listen({ port: 0, host: "127.0.0.1" });
  const socket = connect((open.app.server.address() as AddressInfo).port, "127.0.0.1");
  socket.write(`GET /api/projects/${body.id}/tree HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await expect.poll(() => reads.length).toBe(1);
  expect(reads[0]?.aborted).toBe(false);
  socket.destroy();
  await expect.poll(() => reads[0]?.aborted).toBe(true);
});

test("the audit log has the address that a trusted proxy names, and no other", async () => {
  const ask = (remoteAddress: string) =>
    closed.app.inject({
      ...{ url: "/api/me", remoteAddress },
      headers: { authorization: `Bearer boo_${"x".repeat(43)}`, "x-forwarded-for": "198.51.100.7" },
    });
  await ask("127.0.0.1");
  await ask("192.0.2.9");
  expect(closed.refusals.map(({ address }) => address)).toEqual(["198.51.100.7", "192.0.2.9"]);
});

test("a request whose head or body comes slowly is ended, however steadily it comes", async () => {
  const { token } = await newClient(open);
  const { server } = open.app;
  if (!server.listening) await open.app.listen({ port: 0, host: "127.0.0.1" });
  Object.assign(server, { headersTimeout: 300, requestTimeout: 600 });
  const head = `POST /api/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`;
  for (const start of [`${head}X-Slow: `, `${head}Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n{`]) {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    let answer = "";
    socket.on("error", () => {}).on("data", (data) => (answer += data));
    socket.write(start);
    const drip = setInterval(() => socket.write("x"), 50);
    await once(socket, "close");
    clearInterval(drip);
    expect(answer).toContain("HTTP/1.1 408 ");
  }
});
