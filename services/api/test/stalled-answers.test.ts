import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import Fastify from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endStalledAnswers, STALL_MS } from "../src/end-stalled-answers.ts";
import { useApi } from "./fixture.ts";

/** More than the kernel's buffers hold. */
const BYTES = 64 * 1024 * 1024;
const app = Fastify({ forceCloseConnections: true });
let port: number;

beforeAll(async () => {
  endStalledAnswers(app, 100);
  app.get("/", async () => "x".repeat(BYTES));
  await app.listen({ port: 0, host: "127.0.0.1" });
  port = (app.server.address() as AddressInfo).port;
});
afterAll(() => app.close());

/** Asks for the answer. @returns the socket, paused, and the server's side of it */
async function ask() {
  const accepted = once(app.server, "connection");
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  socket.on("error", () => {});
  const [peer] = await accepted;
  const closed = once(peer, "close");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  return { socket, closed };
}

test("an answer that is not read is ended", async () => {
  const { socket, closed } = await ask();
  await closed;
  socket.destroy();
});

test("an answer that is read to its end is whole, and so is the next one on the same connection", async () => {
  const { socket, closed } = await ask();
  for (let answers = 0; answers < 2; answers++) {
    if (answers > 0) socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let [taken, end] = [0, Number.POSITIVE_INFINITY];
    socket.resume();
    for (; taken < end; ) {
      const [bytes] = (await once(socket, "data")) as [Buffer];
      if (taken === 0) end = bytes.indexOf("\r\n\r\n") + 4 + BYTES;
      taken += bytes.length;
    }
    expect(taken).toBe(end);
    socket.pause();
  }
  socket.destroy();
  await closed;
});

const fixture = useApi();

test("the application sets this limit for each of its answers", async () => {
  const url = await fixture.app.listen({ port: 0, host: "127.0.0.1" });
  const limits: (number | undefined)[] = [];
  fixture.app.server.on("request", (request, response) => {
    response.on("prefinish", () => limits.push(request.socket.timeout));
  });
  for (const path of ["/healthz", "/api/me", "/nothing"]) await (await fetch(`${url}${path}`)).text();
  expect(limits).toEqual([STALL_MS, STALL_MS, STALL_MS]);
});
