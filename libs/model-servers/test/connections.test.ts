import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { requestTo } from "../src/request-to.ts";

const signal = AbortSignal.timeout(30_000);
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/** A server on bare sockets. `answer` gets the connection and how many requests came on it, and all. */
async function socketServer(answer: (socket: Socket, onSocket: number, all: number) => void) {
  const sockets: Socket[] = [];
  let all = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    let onSocket = 0;
    socket.on("data", (bytes) => {
      if (/^(GET|POST) /.test(bytes.toString("latin1"))) answer(socket, ++onSocket, ++all);
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, requests: () => all };
}

async function ask(server: { url: string }): Promise<string> {
  const response = await requestTo(server, "/v1/chat/completions", { body: { question: "why" }, signal });
  const text = await response.text();
  // The connection is free for the next request in the next tick.
  await new Promise(setImmediate);
  return text;
}

test("a connection is reused, but not a minute after it was opened", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const server = await socketServer((socket) => void socket.write(ANSWER));
  await ask(server);
  await ask(server);
  expect(server.sockets).toHaveLength(1);
  vi.setSystemTime(Date.now() + 61_000);
  await ask(server);
  expect(server.sockets).toHaveLength(2);
});

test.each([
  ["closes", (socket: Socket) => void socket.end()],
  ["resets", (socket: Socket) => void socket.resetAndDestroy()],
])("a request is sent again at once when the server %s a reused connection instead of answering", async (_, close) => {
  const server = await socketServer((socket, onSocket) => {
    if (onSocket === 1) socket.write(ANSWER);
    else close(socket);
  });
  expect([await ask(server), await ask(server)]).toEqual(["{}", "{}"]);
  expect(server.sockets).toHaveLength(2);
});

test("all kept connections may be closed: the second request takes a new one", async () => {
  let release = () => {};
  const both = new Promise<void>((resolve) => (release = resolve));
  const server = await socketServer((socket, onSocket, all) => {
    if (all === 2) release();
    if (onSocket === 1) void both.then(() => socket.write(ANSWER));
    else socket.end();
  });
  await Promise.all([ask(server), ask(server)]);
  expect(server.sockets).toHaveLength(2);
  expect(await ask(server)).toBe("{}");
  expect(server.sockets).toHaveLength(3);
});

test("a server that closes a new connection gets the request once", async () => {
  const server = await socketServer((socket) => void socket.end());
  await expect(ask(server)).rejects.toThrow("other side closed");
  expect(server.requests()).toBe(1);
});

test("an answer that breaks off is not asked for again", async () => {
  const server = await socketServer((socket) => void socket.end(ANSWER.slice(0, -1)));
  await expect(ask(server)).rejects.toThrow("other side closed");
  expect(server.requests()).toBe(1);
});
