import { randomUUID } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAnnounce } from "@boocode/announce";
import type { Server } from "@boocode/backing-services";
import { testDatabase, testRedis } from "@boocode/backing-services/testing";
import type { Role, Scope } from "@boocode/contracts";
import { createKeys, createPublisher } from "@boocode/frame-log";
import { findCaller, hashSecret, makeTicket, makeToken, type Refused } from "@boocode/identity";
import { createRates, createSignIns, DEFAULT_LIMITS } from "@boocode/limits";
import { createServicePool } from "@boocode/project-tools";
import {
  connectPostgres,
  connectRedis,
  createDependencies,
  createLanes,
  createLogger,
  type Postgres,
  type Redis,
  untilRedisReady,
} from "@boocode/runtime";
import { createGrant, createToken, createUser } from "@boocode/store";
import { createTurnQueue } from "@boocode/turn-queue";
import { afterAll, beforeAll } from "vitest";
import { type AppOptions, buildApp } from "../src/app.ts";
import { checkPaths } from "../src/check-paths.ts";
import type { App, Deps } from "../src/deps.ts";
import { createWaitReader } from "../src/held-wait.ts";
import { createProjectReader } from "../src/read-project.ts";

export const keys = createKeys("test");
export const BODY_LIMIT = 64 * 1024;
const PROGRAM = join(import.meta.dirname, "../../../dist/api/tool-process/main.mjs");

export interface ApiFixture {
  app: App;
  pool: Postgres;
  /** With the role that owns the tables; that of `pool` is the services' role. */
  owner: Postgres;
  redis: Redis;
  server: Server;
  /** An empty folder under which projects are allowed. */
  root: string;
  /** The errors of failed announcements. */
  announceErrors: unknown[];
  /** What the audit log would count. */
  refusals: Refused[];
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test states what it expects of the body
  body: any;
  headers: Record<string, unknown>;
}

type Method = "GET" | "POST" | "PATCH" | "DELETE";

export interface Client {
  userId: string;
  token: string;
  call(method: Method, url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** The application as `main.ts` assembles it, with a database and a Redis of its own. */
export function useApi(change: Partial<Deps> = {}, options: Partial<AppOptions> = {}): ApiFixture {
  const fixture = { announceErrors: [], refusals: [] } as unknown as ApiFixture;
  const releases: (() => unknown)[] = [];
  beforeAll(async () => {
    const database = await testDatabase();
    releases.push(database.drop);
    fixture.server = await testRedis();
    releases.push(fixture.server.stop);
    fixture.root = realpathSync(mkdtempSync(join(tmpdir(), "boocode-api-")));
    releases.push(() => rmSync(fixture.root, { recursive: true }));
    const pool = connectPostgres(database.url, { name: "api", connections: 5 });
    releases.push(() => pool.end({ timeout: 2 }));
    const owner = connectPostgres(database.ownerUrl, { name: "owner", connections: 1 });
    releases.push(() => owner.end({ timeout: 2 }));
    const redis = connectRedis(fixture.server.url);
    releases.push(() => redis.disconnect());
    await untilRedisReady(redis, 5_000);
    const queue = createTurnQueue(redis, keys.queues);
    releases.push(() => queue.close());
    const { limits = { user: DEFAULT_LIMITS, admin: DEFAULT_LIMITS } } = change;
    const now = () => performance.now();
    const rates = createRates({ redis, keyOf: keys.rate, now });
    const onError = (error: unknown) => fixture.announceErrors.push(error);
    const log = createLogger("api", "silent");
    const own = { folders: [], files: [] };
    const reading = createServicePool(
      { TOOL_TIMEOUT_MS: 15_000, TOOL_MEMORY_MB: 512, TOOL_CPU_MS: 20_000, WITHHELD_GROUPS_OFF: [] },
      { size: 3, program: PROGRAM, waitMs: 60_000, outputBytes: 1_000, own, log },
    );
    releases.push(() => reading.stop());
    const paths = checkPaths(pool, { PROJECT_ROOTS: [fixture.root], USER_ROOTS: [`${fixture.root}/users/{user}`] });
    const deps: Deps = {
      pool,
      announce: createAnnounce({ publisher: createPublisher(redis, keys), queue, onError }),
      failpoint: () => {},
      ...paths,
      readProject: createProjectReader(reading, { ...paths, own }),
      listModels: async () => ({ models: [] }),
      mayUseModel: async () => true,
      restrictsModels: false,
      readWait: createWaitReader(redis, keys),
      makeTicket: (caller) => makeTicket(redis, keys, caller),
      findCaller: (token) => findCaller(pool, token),
      limits,
      shares: { defaultS: 3_600, maxS: 7_200, isPublic: false, readsPerMinute: 120 },
      rates,
      posts: createLanes({ atOnce: 2, leastMs: 0, longestWaitMs: 2_000 }),
      signIns: createSignIns({ rates, now, isOff: limits === null }),
      refused: (refusal) => fixture.refusals.push(refusal),
      ...change,
    };
    const dependencies = createDependencies(log);
    dependencies.add("postgres", () => pool`select 1`);
    dependencies.add("redis", () => redis.ping());
    const app = await buildApp(deps, {
      log,
      bodyLimit: BODY_LIMIT,
      corsOrigins: ["https://boo.example"],
      isTrustedProxy: () => false,
      publicPages: ["metrics", "docs", "openapi"],
      maxConnections: 1_000,
      ...options,
      readiness: dependencies.readiness,
      report: dependencies.report,
      metrics: async () => "figures 1\n",
    });
    await app.ready();
    releases.push(() => app.close());
    Object.assign(fixture, { app, pool, owner, redis });
  });
  afterAll(async () => {
    for (const release of releases.reverse()) await release();
  });
  return fixture;
}

/** Creates a user with a token, and grants it the root. @returns a client that sends requests as this user */
export async function newClient(
  fixture: ApiFixture,
  {
    role,
    isGranted = true,
    ...credential
  }: { role?: Role; isGranted?: boolean; scopes?: Scope[]; expiresAt?: Date } = {},
): Promise<Client> {
  const [userId, token] = [randomUUID(), makeToken()];
  await createUser(fixture.pool, { id: userId, name: userId, role });
  await createToken(fixture.pool, { ...credential, id: randomUUID(), userId, tokenHash: hashSecret(token) });
  if (isGranted) await createGrant(fixture.pool, { userId, path: fixture.root, by: "operator" });
  return clientOf(fixture, token, userId);
}

export function clientOf(fixture: ApiFixture, token: string, userId = ""): Client {
  return {
    userId,
    token,
    async call(method, url, body, headers = {}) {
      const response = await fixture.app.inject({
        method,
        url,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      const json = response.headers["content-type"]?.toString().startsWith("application/json") && response.body !== "";
      return { status: response.statusCode, body: json ? response.json() : response.body, headers: response.headers };
    },
  };
}

/** Creates a project with a session. */
export async function newSession(fixture: ApiFixture, client: Client) {
  const project = await client.call("POST", "/api/projects", { name: "code", path: fixture.root });
  const session = await client.call("POST", `/api/projects/${project.body.id}/sessions`, {});
  return { projectId: project.body.id as string, sessionId: session.body.id as string };
}

/** The content of the database, to compare it before and after. */
export async function dump(fixture: ApiFixture): Promise<unknown> {
  const tables = [
    "users",
    "api_tokens",
    "grants",
    "projects",
    "project_members",
    "sessions",
    "turns",
    "messages",
    "idempotency_keys",
    "usage",
    "shares",
  ];
  const rows: Record<string, unknown> = {};
  for (const table of tables) {
    rows[table] =
      await fixture.pool`select to_jsonb(t) as row from ${fixture.pool(table)} t order by to_jsonb(t)::text`;
  }
  return rows;
}
