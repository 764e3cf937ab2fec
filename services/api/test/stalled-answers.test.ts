import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import Fastify from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { endStalledAnswers, STALL_MS } from "../src/end-stalled-answers.ts";
import { useApi } from "./fixture.ts";

/** More than the kernel's buffers hold. */
const BYTES = 64 * 1024 * 1024;
const REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** Asks a server for the answer. @returns the socket, paused, and the end of the server's side of it */
async function ask(stallMs: number) {
  const app = Fastify({ forceCloseConnections: true });
  onTestFinished(() => app.close());
  endStalledAnswers(app, stallMs);
  app.get("/", async () => "x".repeat(BYTES));
  await app.listen({ port: 0, host: "127.0.0.1" });
  const accepted = once(app.server, "connection");
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  socket.pause();
  socket.on("error", () => {});
  const [peer] = await accepted;
  const closed = once(peer, "close");
  socket.write(REQUEST);
  return { socket, closed };
}

test("an answer that is not read is ended", async () => {
  const { socket, closed } = await ask(100);
  await closed;
  socket.destroy();
});

test("an answer that is read slowly, for longer than the limit, is whole, and so is the next one on the same connection", async () => {
  const stallMs = 2_000;
  const { socket, closed } = await ask(stallMs);
  const ended = closed.then(() => Promise.reject(new Error("the answer was ended")));
  ended.catch(() => {});
  for (const restMs of [stallMs / 8, 0]) {
    if (restMs === 0) socket.write(REQUEST);
    let [taken, rested, end] = [0, 0, Number.POSITIVE_INFINITY];
    socket.resume();
    while (taken < end) {
      const [bytes] = (await Promise.race([once(socket, "data"), ended])) as [Buffer];
      if (taken === 0) end = bytes.indexOf("\r\n\r\n") + 4 + BYTES;
      taken += bytes.length;
      if (restMs === 0 || taken < (rested + 1) * (BYTES / 16)) continue;
      rested += 1;
      socket.pause();
      await pause(restMs);
      socket.resume();
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
