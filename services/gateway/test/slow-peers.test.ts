import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { SESSION, startGateway } from "./start-gateway.ts";

test("an event stream whose peer reads nothing is closed once, and later writes to it do nothing", async () => {
  const { url, topics, connections, publish } = await startGateway();
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(`GET /api/sessions/${SESSION}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n`);
  await once(socket, "readable");
  // The peer reads nothing from here on: the kernel's buffers fill up, then the gateway's, and the stream is behind.
  for (let version = 1; version <= 400; version += 1) {
    publish(version, 50_000);
    await turn();
  }
  // Each sweep finds it behind for too long. Only the first may close it; neither a ping nor a revocation may write to it.
  for (let sweep = 0; sweep < 3; sweep += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    topics.sweep();
    connections.keepAlive();
    await connections.checkCallers(async () => new Map(), { changed: null, now: Date.now() });
  }
  expect(connections.count()).toBe(1);
  const gone = once(socket, "close");
  await Promise.all([connections.drain(), gone, socket.resume()]);
  expect(connections.count()).toBe(0);
});

/** Bytes that a peer here has to send before it waits. */
const UNSENT = 1_000_000;

test("a peer that keeps sending pings but does not read the answers is terminated", async () => {
  const { url, connections } = await startGateway();
  for (const ask of [
    (peer: WebSocket) => peer.ping("x".repeat(120)),
    (peer: WebSocket) => peer.send('{"type":"ping"}'),
  ]) {
    const peer = new WebSocket(`${url.replace("http", "ws")}/api/ws/sessions/${SESSION}`);
    peer.on("error", () => {});
    await once(peer, "open");
    expect(connections.count()).toBe(1);
    peer.pause();
    (peer as unknown as { _socket: { pause(): void } })._socket.pause();
    while (connections.count() === 1) {
      // The gateway handles one in each round of this process: what it has not read yet stays bounded here.
      for (let count = 0; count < 2_000 && peer.bufferedAmount < UNSENT; count += 1) ask(peer);
      await turn();
    }
    peer.terminate();
  }
});

test("sockets without a token do not keep out clients that have one", async () => {
  const { url, connections } = await startGateway();
  const at = `${url.replace("http", "ws")}/api/ws/sessions/${SESSION}`;
  const open = async (headers: Record<string, string>) => {
    const socket = new WebSocket(at, { headers });
    const state = await new Promise<string>((resolve) => {
      socket.once("open", () => resolve("open"));
      socket.once("error", (error) => resolve(String(error)));
    });
    return { socket, state };
  };
  // Ten connections are allowed, one of them unproven.
  const [first, second] = [await open({}), await open({})];
  expect([first.state, second.state]).toEqual(["open", expect.stringContaining("503")]);
  first.socket.terminate();
  while (connections.count() > 0) await turn();
  const known = [];
  for (let count = 0; count < 9; count += 1) known.push(await open({ authorization: "Bearer t" }));
  known.push(await open({}));
  expect(known.map(({ state }) => state)).toEqual(Array(10).fill("open"));
  expect(connections.count()).toBe(10);
  for (const { socket } of known) socket.terminate();
});
