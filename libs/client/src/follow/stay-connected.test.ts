import { CLOSE_CODES } from "@boocode/contracts";
import { expect, test } from "vitest";
import { createFakeClock } from "../../test/fake-clock.ts";
import { createFakeSocket, type FakeSocket } from "../../test/fake-socket.ts";
import { stayConnected } from "./stay-connected.ts";

function setUp(options: { ticket?: boolean; random?: number } = {}) {
  const clock = createFakeClock();
  const sockets: FakeSocket[] = [];
  const ending = new AbortController();
  const states: string[] = [];
  let cursor = 0;
  const connected = stayConnected({
    client: {
      clock,
      gatewayUrl: "ws://gateway",
      random: () => options.random ?? 0.5,
      sockets: {
        open(url) {
          const socket = createFakeSocket(url);
          sockets.push(socket);
          return socket;
        },
        credentials: async () =>
          options.ticket
            ? { headers: {}, ticket: `t${sockets.length}`, greeting: null }
            : { headers: {}, ticket: null, greeting: "hello" },
      },
    },
    target: () => `/path?cursor=${++cursor}`,
    onFrame: () => {},
    onState: ({ at }) => states.push(at),
    signal: ending.signal,
  });
  const newest = () => sockets.at(-1) as FakeSocket;
  return { clock, sockets, newest, connected, states, end: () => ending.abort() };
}

test("sends its first message, and reconnects with the current cursor", async () => {
  const { clock, newest, sockets, connected, states, end } = setUp();
  await clock.advance(0);
  newest().accept();
  expect(newest().sent).toEqual(["hello"]);
  newest().end(1006);
  await clock.advance(100);
  expect(sockets.map((socket) => socket.url)).toEqual(["ws://gateway/path?cursor=1", "ws://gateway/path?cursor=2"]);
  expect(states).toEqual(["connecting", "waiting", "connecting"]);
  newest().end(1006);
  end();
  expect(await connected).toBe(null);
  expect(clock.pending()).toBe(0);
});

test("ends at the close codes that forbid a reconnect, and at no other", async () => {
  for (const [reason, { code, reconnect }] of Object.entries(CLOSE_CODES)) {
    const { clock, newest, sockets, connected, end } = setUp();
    await clock.advance(0);
    newest().accept();
    newest().end(code);
    await clock.advance(9_000);
    expect([reason, sockets.length > 1]).toEqual([reason, reconnect]);
    if (!reconnect) expect(await connected).toMatchObject({ code: reason, status: code });
    else newest().end(1006);
    end();
    await connected;
    expect(clock.pending()).toBe(0);
  }
});

test("backs off after every failure, and starts over after a healthy connection", async () => {
  const { clock, newest, sockets, connected, end } = setUp({ random: 0.999 });
  await clock.advance(0);
  const waits: number[] = [];
  for (let failure = 0; failure < 8; failure += 1) {
    const count = sockets.length;
    newest().end(1006);
    const from = clock.now();
    while (sockets.length === count) await clock.advance(1);
    waits.push(clock.now() - from);
  }
  expect(waits).toEqual([99, 199, 399, 799, 1598, 2997, 2997, 2997]);
  newest().accept();
  newest().say({ type: "subscribed" });
  await clock.advance(6_000);
  newest().end(1006);
  const count = sockets.length;
  await clock.advance(100);
  expect(sockets.length).toBe(count + 1);
  newest().end(1006);
  end();
  await connected;
});

test("reconnects after the delay of going_away", async () => {
  const { clock, newest, sockets, connected, end } = setUp();
  await clock.advance(0);
  newest().accept();
  newest().say({ type: "going_away", retry_after_ms: 4_000 });
  newest().end(1001);
  await clock.advance(3_999);
  expect(sockets.length).toBe(1);
  await clock.advance(1);
  expect(sockets.length).toBe(2);
  newest().end(1006);
  end();
  await connected;
});

test("pings after 30 s of silence, and closes the connection after 45 s", async () => {
  const { clock, newest, sockets, connected, end } = setUp();
  await clock.advance(0);
  newest().accept();
  await clock.advance(20_000);
  newest().say({ type: "delta" });
  await clock.advance(29_999);
  expect(newest().sent).toEqual(["hello"]);
  await clock.advance(1);
  expect(newest().sent).toEqual(["hello", '{"type":"ping"}']);
  newest().say({ type: "pong" });
  await clock.advance(30_000);
  expect(newest().sent.length).toBe(3);
  expect(newest().state).toBe("open");
  await clock.advance(15_000);
  expect(sockets[0]?.state).toBe("closed");
  await clock.advance(100);
  expect(sockets.length).toBe(2);
  newest().end(1006);
  end();
  await connected;
  expect(clock.pending()).toBe(0);
});

test("drops a socket that does not open", async () => {
  const { clock, sockets, connected, end } = setUp();
  await clock.advance(10_100);
  expect(sockets.length).toBe(2);
  expect(sockets[0]?.state).toBe("closed");
  end();
  await clock.advance(1_000);
  await connected;
});

test("ends without a socket or timer, even when the peer does not answer the close", async () => {
  const { clock, newest, connected, end } = setUp();
  await clock.advance(0);
  newest().accept();
  end();
  await clock.advance(1_000);
  expect(await connected).toBe(null);
  expect(newest().state).toBe("closed");
  expect(clock.pending()).toBe(0);
});

test("uses a new ticket for every socket, and ends when a second one in a row is refused", async () => {
  const { clock, newest, sockets, connected } = setUp({ ticket: true });
  await clock.advance(0);
  newest().end(4401);
  await clock.advance(100);
  expect(sockets.map((socket) => new URL(socket.url).searchParams.get("ticket"))).toEqual(["t0", "t1"]);
  newest().end(4401);
  expect(await connected).toMatchObject({ code: "unauthenticated", retryable: false });
  expect(clock.pending()).toBe(0);
});

test("a client that was closed for too many messages or sockets stays away for at least 5 s", async () => {
  const { clock, newest, sockets, connected, end } = setUp({ random: 0 });
  await clock.advance(0);
  newest().accept();
  newest().end(CLOSE_CODES.rate_limited.code);
  await clock.advance(4_999);
  expect(sockets.length).toBe(1);
  await clock.advance(1);
  expect(sockets.length).toBe(2);
  newest().end(1006);
  end();
  await connected;
});
