import { createKeys } from "@boocode/frame-log";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createBatch } from "../src/transports/batch.ts";
import { SESSION, startGateway } from "./start-gateway.ts";

const sockets: WebSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});

/** Frames with as many bytes as the length field of a WebSocket frame tells apart, some of them in characters of three bytes. */
const frames = [100, 125, 126, 127, 65_535, 65_536, 70_000].map((bytes, index) => {
  const head = JSON.stringify({ type: "session_renamed", version: index + 1 }).slice(0, -1);
  const room = bytes - head.length - ',"name":""}'.length;
  return `${head},"name":"${"€".repeat(Math.floor(room / 3))}${"x".repeat(room % 3)}"}`;
});
const envelopes = frames.map((json, index) => `v${index + 1}\n${json}`);

test("frames of every length, relayed in one write, reach a WebSocket unchanged and in order, between its own pongs", async () => {
  expect(frames.map((json) => Buffer.byteLength(json))).toEqual([100, 125, 126, 127, 65_535, 65_536, 70_000]);
  const { url, topics } = await startGateway();
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/ws/sessions/${SESSION}`, {
    headers: { authorization: "Bearer t" },
  });
  sockets.push(socket);
  const received: string[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("message", (data, isBinary) => {
      received.push(isBinary ? "binary" : data.toString());
      if (received.length === 1) {
        socket.ping();
        for (const envelope of envelopes) topics.receive(createKeys("test").session(SESSION), envelope);
        socket.ping();
      }
      if (received.length === 1 + frames.length) resolve();
    });
  });
  expect(received.slice(1).map((json, index) => json === frames[index])).toEqual(frames.map(() => true));
});

test("subscribers that take the same frames share their bytes, and one that takes fewer gets its own", () => {
  const batch = createBatch(frames.map((json, index) => ({ json, id: index === 1 ? "1.1.n.1" : null })));
  expect(batch.messages(0, 3)).toBe(batch.messages(0, 3));
  expect(Buffer.concat([batch.messages(0, 1), batch.messages(1, 3)]).equals(batch.messages(0, 3))).toBe(true);
  expect(batch.events(1, 2).toString()).toBe(`id: 1.1.n.1\ndata: ${frames[1]}\n\n`);
});
