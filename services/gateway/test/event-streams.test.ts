import { once } from "node:events";
import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { SESSION, startGateway } from "./start-gateway.ts";

test("an event stream that joins while the database is away is answered with 503, not 404", async () => {
  const away = await startGateway({ mayRead: () => Promise.reject(new Error("away")) });
  const none = await startGateway({ mayRead: async () => false });
  const ask = (url: string) =>
    fetch(`${url}/api/sessions/${SESSION}/events`, { headers: { authorization: "Bearer t" } });
  const answer = await ask(away.url);
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await answer.json()).toMatchObject({ error: { code: "unavailable" } });
  expect((await ask(none.url)).status).toBe(404);
});

test("an event stream sets a short reconnection time, which differs between clients", async () => {
  const { url } = await startGateway();
  const times = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const answer = await fetch(`${url}/api/sessions/${SESSION}/events`, { headers: { authorization: "Bearer t" } });
      const first = await answer.body?.getReader().read();
      return Number(/^retry: (\d+)\n\n/.exec(new TextDecoder().decode(first?.value))?.[1]);
    }),
  );
  for (const time of times) expect(time >= 500 && time < 1_500).toBe(true);
  expect(new Set(times).size).toBeGreaterThan(1);
});

/** A gateway whose database answers `mayRead` only when the test calls `answer`. */
async function startBlocked() {
  let asked = () => {};
  let answer = () => {};
  const asking = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const gateway = await startGateway({
    async mayRead() {
      asked();
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return true;
    },
  });
  return { gateway, asking, answer: () => answer() };
}

test("a client that disconnects before its stream opens leaves no connection and no topic", async () => {
  const { gateway, asking, answer } = await startBlocked();
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  socket.write(`GET /api/sessions/${SESSION}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n`);
  await asking;
  socket.destroy();
  await once(socket, "close");
  await vi.waitFor(async () => expect(await gateway.sockets()).toBe(0));
  answer();
  await new Promise(setImmediate);
  expect([gateway.connections.count(), gateway.topics.watched()]).toEqual([0, 0]);
});

test("a stream that is requested before a drain and would open after it is refused, and does not delay the drain", async () => {
  const { gateway, asking, answer } = await startBlocked();
  const headers = { authorization: "Bearer t" };
  const asked = fetch(`${gateway.url}/api/sessions/${SESSION}/events`, { headers });
  await asking;
  await gateway.connections.drain();
  answer();
  expect((await asked).status).toBe(503);
  expect(gateway.connections.count()).toBe(0);
});
