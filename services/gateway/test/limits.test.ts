import { once } from "node:events";
import { connect } from "node:net";
import { CLOSE_CODES } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { createRates, createSignIns, DEFAULT_LIMITS, type LimitSettings } from "@boocode/limits";
import { connectRedis } from "@boocode/runtime";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createConnections } from "../src/connections/connections.ts";
import { CALLER, SESSION, startGateway, type TestGateway } from "./start-gateway.ts";

const sockets: WebSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});

const settings = (limits: object): LimitSettings => ({
  user: { ...DEFAULT_LIMITS, ...limits },
  admin: { ...DEFAULT_LIMITS, ...limits },
});

interface Opened {
  socket: WebSocket;
  /** `open`, or why the handshake failed. */
  state: string;
  closed: Promise<number>;
  subscribed: Promise<unknown>;
}

async function open({ url }: TestGateway, query: string, headers: Record<string, string> = {}): Promise<Opened> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/ws/sessions/${SESSION}${query}`, { headers });
  sockets.push(socket);
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  const subscribed = new Promise((resolve) =>
    socket.on("message", (data) => {
      if (data.toString().includes('"subscribed"')) resolve(true);
    }),
  );
  const state = await new Promise<string>((resolve) => {
    socket.once("open", () => resolve("open"));
    socket.once("error", (error) => resolve(error.message));
  });
  return { socket, state, closed, subscribed };
}
const from = (address: string, token?: string) => ({
  "x-forwarded-for": address,
  ...(token !== undefined && { authorization: `Bearer ${token}` }),
});
test("sockets whose credential is not proven share a tenth of all places, those of one address half of that", async () => {
  const gateway = await startGateway({
    connections: createConnections({ max: 100, reconnectSpreadMs: 0, mostOf: () => null }),
    isTrustedProxy: () => true,
    // Redis never answers for these tickets.
    takeTicket: () => new Promise<Caller | null>(() => {}),
  });
  const attack = (address: string) =>
    Promise.all(Array.from({ length: 20 }, (_, n) => open(gateway, `?ticket=${n}`, from(address))));
  const opened = async (address: string) => (await attack(address)).filter(({ state }) => state === "open").length;
  expect(await opened("192.0.2.1")).toBe(5);
  const other = await open(gateway, "", from("192.0.2.2", "t"));
  expect([other.state, await other.subscribed]).toEqual(["open", true]);
  // The addresses of one IPv6 network count as one.
  expect([await opened("2001:db8::1"), await opened("2001:db8::2"), await opened("192.0.2.3")]).toEqual([5, 0, 0]);
  expect((await open(gateway, "", from("192.0.2.4", "t"))).state).toContain("503");
});

test("only what a trusted proxy says of an address is believed", async () => {
  const addresses: unknown[] = [];
  const refused = ({ address }: { address?: string | null }) => void addresses.push(address);
  const refuse = async (isTrusted: boolean) => {
    const gateway = await startGateway({ refused, isTrustedProxy: (address) => isTrusted && address === "127.0.0.1" });
    await (await open(gateway, "?ticket=bogus", from("192.0.2.1"))).closed;
    await fetch(`${gateway.url}/api/sessions/${SESSION}/events?ticket=bogus`, { headers: from("192.0.2.2") });
  };
  await refuse(false);
  await refuse(true);
  expect(addresses).toEqual(["127.0.0.1", "127.0.0.1", "192.0.2.1", "192.0.2.2"]);
});

test("a refused socket keeps its place until it has closed", async () => {
  const gateway = await startGateway({
    connections: createConnections({ max: 10, reconnectSpreadMs: 0, mostOf: () => null }),
  });
  const { hostname, port } = new URL(gateway.url);
  const raw = connect(Number(port), hostname);
  raw.write(
    `GET /api/ws/user?ticket=bogus HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  // The peer does not answer the close frame.
  let text = "";
  raw.on("data", (chunk) => (text += chunk.toString("latin1")));
  await expect.poll(() => text).toContain("unauthenticated");
  expect((await open(gateway, "", { authorization: "Bearer t" })).state).toContain("503");
  raw.destroy();
  await expect.poll(async () => (await open(gateway, "", { authorization: "Bearer t" })).state).toBe("open");
});

test("a user has as many sockets and event streams as allowed, and one that closes makes room", async () => {
  const gateway = await startGateway({
    connections: createConnections({ max: 1_000, reconnectSpreadMs: 0, mostOf: () => null }),
    limits: settings({ sockets: 2 }),
    findCaller: async (token) => ({ ...CALLER, userId: token }),
  });
  const mine = [await open(gateway, "", from("", "a")), await open(gateway, "", from("", "a"))];
  const third = await open(gateway, "", from("", "a"));
  expect(await third.closed).toBe(CLOSE_CODES.rate_limited.code);
  const events = (token: string) =>
    fetch(`${gateway.url}/api/sessions/${SESSION}/events`, { headers: { authorization: `Bearer ${token}` } });
  const refused = await events("a");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
  expect(await refused.json()).toMatchObject({ error: { code: "rate_limited" } });
  const other = await events("b");
  expect(other.status).toBe(200);
  await other.body?.cancel();
  mine[0]?.socket.close();
  await mine[0]?.closed;
  await expect.poll(async () => (await events("a")).status).toBe(200);
});

test("a user opens as many sockets in a minute as allowed", async () => {
  const gateway = await startGateway({ limits: settings({ sockets_per_minute: 3 }) });
  const codes = [];
  for (let n = 0; n < 4; n++) {
    const opened = await open(gateway, "", from("", "t"));
    if (n < 3) opened.socket.close(1000);
    codes.push(await opened.closed);
  }
  expect(codes).toEqual([1000, 1000, 1000, CLOSE_CODES.rate_limited.code]);
  const events = await fetch(`${gateway.url}/api/user/events`, { headers: { authorization: "Bearer t" } });
  expect([events.status, events.headers.get("ratelimit-policy")]).toEqual([429, '"sockets_per_minute";q=3;w=60']);
  expect(events.headers.get("retry-after")).toMatch(/^([6-9]|1\d|20)$/);
  expect(events.headers.get("ratelimit")).toMatch(/^"sockets_per_minute";r=0;t=\d+$/);
});

test.each(["messages", "pings"])(
  "a socket that sends %s too fast is closed, and no more of it is read",
  async (kind) => {
    const gateway = await startGateway({ limits: settings({ messages_per_minute: 5 }), maxUnsentBytes: 1e9 });
    const opened = await open(gateway, "", from("", "t"));
    await opened.subscribed;
    let answers = 0;
    opened.socket.on("pong", () => (answers += 1));
    opened.socket.on("message", (data) => (answers += data.toString().includes('"pong"') ? 1 : 0));
    for (let n = 0; n < 1_000; n++) kind === "pings" ? opened.socket.ping() : opened.socket.send('{"type":"ping"}');
    expect(await opened.closed).toBe(CLOSE_CODES.rate_limited.code);
    expect(answers).toBe(5);
  },
);

test("failed sign-ins from one address are slowed down, then refused before the handshake; new tokens are still served", async () => {
  let stoppedAt: number | null = null;
  const now = () => stoppedAt ?? performance.now();
  const redis = connectRedis("redis://127.0.0.1:1");
  const rates = createRates({ redis, keyOf: (...parts) => parts.join(), now });
  let lookUps = 0;
  const gateway = await startGateway({
    connections: createConnections({ max: 10_000, reconnectSpreadMs: 0, mostOf: () => null }),
    isTrustedProxy: () => true,
    signIns: createSignIns({ rates, now, isOff: false }),
    findCaller: async (token) => {
      lookUps += 1;
      return ["good", "newcomer"].includes(token) ? CALLER : null;
    },
  });
  expect((await open(gateway, "", from("192.0.2.1", "good"))).state).toBe("open");
  const seen = new Set<string | number>();
  for (let n = 0; n < 70; n++) {
    const { state, closed } = await open(gateway, "", from("192.0.2.1", `bad${n}`));
    seen.add(state === "open" ? await closed : state);
  }
  expect(seen).toEqual(new Set([4401, 4429]));
  const before = lookUps;
  const headers = from("192.0.2.1", "bad");
  stoppedAt = performance.now();
  const many = Array.from({ length: 200 }, () => fetch(`${gateway.url}/api/user/events`, { headers }));
  const refused = (await Promise.all(many)).find(({ status }) => status === 429);
  expect(refused?.headers.get("retry-after")).toBe("1");
  // No more of them wait for their turn than are tried in one second.
  expect(lookUps - before).toBeLessThanOrEqual(52);
  expect((await open(gateway, "", from("192.0.2.1", "newcomer"))).state).toBe("Unexpected server response: 429");
  stoppedAt = null;
  expect((await open(gateway, "", from("192.0.2.1", "newcomer"))).state).toBe("open");
  expect((await open(gateway, "", from("192.0.2.1", "good"))).state).toBe("open");
  expect((await open(gateway, "", from("192.0.2.2", "new"))).state).toBe("open");
  redis.disconnect();
});

test("connections that send nothing are bounded by address, and a request must arrive in time", async () => {
  const gateway = await startGateway({ maxConnections: 50 });
  const { hostname, port } = new URL(gateway.url);
  const silent = Array.from({ length: 30 }, () => connect(Number(port), hostname));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  for (const socket of silent) socket.on("error", () => {});
  await expect.poll(() => gateway.sockets()).toBe(10);
  // One of them speaks, and so makes room for the next.
  const [speaking] = silent.filter((socket) => !socket.destroyed && socket.readyState === "open");
  speaking?.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  const [answer] = await once(speaking as never, "data");
  expect(String(answer)).toContain("200 OK");
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  const { headersTimeout, requestTimeout } = gateway.server;
  expect([headersTimeout, requestTimeout]).toEqual([10_000, 30_000]);
  for (const socket of silent) socket.destroy();
});

test("a request whose head or body comes slowly is ended, however steadily it comes", async () => {
  const { server, url } = await startGateway();
  Object.assign(server, { headersTimeout: 300, requestTimeout: 600 });
  const { hostname, port } = new URL(url);
  for (const start of [
    "GET /healthz HTTP/1.1\r\nX-Slow: ",
    "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n",
  ]) {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {}).resume();
    socket.write(start);
    const drip = setInterval(() => socket.write("x"), 50);
    await once(socket, "close");
    clearInterval(drip);
  }
});

test("every answer has the security headers of an API", async () => {
  const { url } = await startGateway({ findCaller: async () => null });
  for (const path of ["/healthz", "/nothing", `/api/sessions/${SESSION}/events`]) {
    const { headers } = await fetch(`${url}${path}`);
    expect([path, headers.get("x-content-type-options"), headers.get("content-security-policy")]).toEqual([
      ...[path, "nosniff", "default-src 'none';frame-ancestors 'none'"],
    ]);
    expect(headers.get("strict-transport-security")).toContain("max-age=");
  }
});
