import type { Server } from "node:http";
import { promisify } from "node:util";
import { createKeys } from "@boocode/frame-log";
import type { Caller } from "@boocode/identity";
import { createRates, createSignIns } from "@boocode/limits";
import { connectRedis, listen, type Redis } from "@boocode/runtime";
import { afterEach } from "vitest";
import { createConnections } from "../src/connections/connections.ts";
import { buildServer, type ServerDeps } from "../src/server.ts";
import { createTopics, type Topics } from "../src/topics/topics.ts";

const keys = createKeys("test");
export const SESSION = "00000000-0000-4000-8000-000000000001";
export const CALLER: Caller = {
  ...{ userId: "00000000-0000-4000-8000-000000000002", userName: "ada", role: "user", tokenId: "token" },
  ...{ scopes: ["read"], expiresAt: null },
};

export interface TestGateway {
  url: string;
  server: Server;
  topics: Topics;
  connections: ServerDeps["connections"];
  /** Open TCP connections. */
  sockets(): Promise<number>;
  /** Publishes a structural frame of about `bytes` bytes on the session's channel. */
  publish(version: number, bytes: number): void;
}

const servers: Server[] = [];
const clients: Redis[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Starts the gateway's server with small limits on a free port. Every token is valid, and the session is empty. */
export async function startGateway(deps: Partial<ServerDeps> = {}): Promise<TestGateway> {
  const limits = { behindBytes: 10_000, caughtUpBytes: 1_000, maxUnsentBytes: 50_000_000, behindTimeoutMs: 0 };
  const topics = createTopics({
    follower: { follow: async () => {}, leave: async () => {}, connected: () => true },
    keys,
    limits,
    reads: {
      turnsFrom: async () => ({ version: 0, turns: [] }),
      log: async () => [],
      positions: async () => new Map(),
      unreadable: async () => [],
      waiting: async () => [],
      listVersions: async () => new Map(),
      lists: async () => ({ total: 0, user: 0, projects: [] }),
    },
    onError: (error) => {
      throw error;
    },
  });
  const now = () => performance.now();
  // No Redis: each test counts in this process.
  const redis = connectRedis("redis://127.0.0.1:1");
  clients.push(redis);
  const rates = createRates({ redis, keyOf: keys.rate, now });
  const connections = createConnections({ max: 10, reconnectSpreadMs: 0, mostOf: () => null });
  const server = buildServer({
    topics,
    connections,
    mayRead: async () => true,
    findCaller: async () => CALLER,
    takeTicket: async () => null,
    refused: () => {},
    limits: null,
    rates,
    signIns: createSignIns({ rates, now, isOff: true }),
    isTrustedProxy: () => false,
    maxConnections: 1_000,
    ...{ pingMs: 60_000, pongTimeoutMs: 60_000, authTimeoutMs: 60_000, maxUnsentBytes: 10_000 },
    corsOrigins: [],
    dependencies: { readiness: async () => ({ status: "ready", dependencies: {} }) },
    metrics: async () => "",
    ...deps,
  });
  servers.push(server);
  const url = await listen(server, "127.0.0.1", 0);
  const publish = (version: number, bytes: number) =>
    topics.receive(keys.session(SESSION), `v${version}\n${JSON.stringify({ version, fill: "x".repeat(bytes) })}`);
  const sockets = promisify(server.getConnections.bind(server)) as () => Promise<number>;
  return { url, server, topics, connections, sockets, publish };
}
