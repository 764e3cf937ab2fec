import { readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createDatabase, migrate, type Server, servicesUrl, startPostgres } from "@boocode/backing-services";
import { testDatabase, testRedis } from "@boocode/backing-services/testing";
import { addUser } from "@boocode/identity";
import { type ServiceProcess, startService } from "@boocode/local-stack";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { type ScriptedModel, type ScriptedModelOptions, startScriptedModel } from "@boocode/scripted-model";
import { createGrant } from "@boocode/store";
import { auditTurns } from "./audit.ts";
import { createRest, type Rest } from "./rest.ts";

/** The code base that the tests ask about: a real one that every checkout contains. */
export const FASTIFY = fileURLToPath(new URL("../../node_modules/fastify", import.meta.url));
const NODE_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));

/**
 * For suites without faults: the position check runs so rarely that, on any machine, subscribers receive only published
 * frames, in their exact order. A frame that was not published never arrives.
 */
export const ONLY_PUBLISHED = { POSITION_CHECK_MS: "600000" };

export interface User {
  id: string;
  token: string;
  rest: Rest;
}

/** The whole system as real processes, with its own database, Redis and model server. */
export interface System {
  model: ScriptedModel;
  redis: Server;
  /** Only with `privatePostgres`: this system's own server, which a test may stop. */
  postgres: Server | null;
  /** The connection with which oracles read what is stored, as the owner of the tables; the services connect with a role of theirs. */
  sql: Postgres;
  apis: ServiceProcess[];
  workers: ServiceProcess[];
  gateways: ServiceProcess[];
  env: Record<string, string>;
  /** Every output line of every process. */
  lines: string[];
  start(name: "api" | "worker" | "gateway", env?: Record<string, string>): Promise<ServiceProcess>;
  /** Restarts a process that has ended, on the same port. */
  restart(ended: ServiceProcess, env?: Record<string, string>): Promise<ServiceProcess>;
  /** Brings back the processes that the system began with, so that the next test finds them running with their own settings. */
  restore(): Promise<void>;
  /** Creates a user and grants it PROJECT_ROOTS. */
  addUser(name: string): Promise<User>;
  /** Stops everything and asserts that each running process exits cleanly and logged no defect. */
  stop(): Promise<void>;
}

export interface SystemOptions {
  apis?: number;
  workers?: number;
  gateways?: number;
  env?: Record<string, string>;
  model?: ScriptedModelOptions;
  /** Uses a private Postgres server that keeps on disk everything that it acknowledged. */
  privatePostgres?: boolean;
  /** Puts a proxy between the services and their database or Redis; the oracles bypass it. The URL is that of the services. */
  route?: (urls: { databaseUrl: string; redisUrl: string }) => Promise<{ databaseUrl: string; redisUrl: string }>;
}

interface Database {
  /** With the role of the services. */
  url: string;
  ownerUrl: string;
  postgres: Server | null;
  drop(): Promise<void>;
}

async function sharedDatabase(): Promise<Database> {
  return { ...(await testDatabase()), postgres: null };
}

async function ownDatabase(): Promise<Database> {
  const postgres = await startPostgres({
    keep: false,
    durability: "full",
    order: ["installed", "embedded", "container"],
  });
  const database = await createDatabase(postgres.url);
  const url = servicesUrl(database.url);
  await migrate(database.url, { services: url });
  return { url, ownerUrl: database.url, postgres, drop: () => postgres.stop() };
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const [database, redis, model] = await Promise.all([
    options.privatePostgres ? ownDatabase() : sharedDatabase(),
    testRedis(),
    startScriptedModel(options.model),
  ]);
  const direct = { databaseUrl: database.url, redisUrl: redis.url };
  const routed = options.route ? await options.route(direct) : direct;
  // Tests fill tables with single long statements; the limit of a statement is for the services, which have pools of their own.
  const sql = connectPostgres(database.ownerUrl, { name: "e2e", connections: 4, statementMs: 60_000 });
  await auditTurns(sql);
  const lines: string[] = [];
  const env = {
    DATABASE_URL: routed.databaseUrl,
    REDIS_URL: routed.redisUrl,
    LLAMA_SWAP_URL: model.url,
    PROJECT_ROOTS: NODE_MODULES,
    LOG_LEVEL: "info",
    REQUIRE_LEAST_PRIVILEGE: "1",
    // The defaults, but for bursts of posts, which no test with one user should have to spread.
    USER_LIMITS: '{"posts_per_minute":1200}',
    ...options.env,
  };
  const counts = { api: options.apis ?? 1, worker: options.workers ?? 1, gateway: options.gateways ?? 1 };
  const services = { api: [] as ServiceProcess[], worker: [] as ServiceProcess[], gateway: [] as ServiceProcess[] };

  /** The processes that a test started with settings of their own. */
  const changed = new Set<ServiceProcess>();
  const launch = async (name: string, more: Record<string, string>) => {
    const started = await startService(name, {
      env: { ...env, ...more },
      onLine: (line) => lines.push(line),
    });
    const { PORT: _, ...own } = more;
    if (Object.keys(own).length > 0) changed.add(started);
    return started;
  };

  const system: System = {
    model,
    redis,
    postgres: database.postgres,
    sql,
    apis: services.api,
    workers: services.worker,
    gateways: services.gateway,
    env,
    lines,
    async start(name, more = {}) {
      const started = await launch(name, more);
      services[name].push(started);
      return started;
    },
    async restart(ended, more = {}) {
      const name = ended.name as keyof typeof services;
      const started = await launch(name, { ...more, PORT: new URL(ended.url).port });
      services[name][services[name].indexOf(ended)] = started;
      return started;
    },
    async restore() {
      for (const name of ["api", "worker", "gateway"] as const) {
        const extra = services[name].splice(counts[name]);
        const unfit = services[name].filter((service) => changed.has(service) || hasExited(service));
        await Promise.all([...extra, ...unfit].map((service) => service.stop()));
        await Promise.all(unfit.map((service) => system.restart(service)));
      }
    },
    async addUser(name) {
      const { userId, token } = await addUser(sql, name);
      for (const root of env.PROJECT_ROOTS.split(":"))
        await createGrant(sql, { userId, path: realpathSync(root), by: "operator" });
      return { id: userId, token, rest: createRest(() => (services.api[0] as ServiceProcess).url, token) };
    },
    async stop() {
      const running = Object.values(services)
        .flat()
        .filter((service) => !hasExited(service));
      const ends = await Promise.all(
        running.map(async (service) => ({ name: service.name, end: await service.stop() })),
      );
      await sql.end({ timeout: 2 });
      await Promise.allSettled([database.drop(), redis.stop()]);
      const violations = model.violations();
      await model.close();
      const bad = ends.filter(({ end }) => end !== 0);
      if (bad.length > 0)
        throw new Error(`did not stop cleanly: ${JSON.stringify(bad)}\n${lines.slice(-30).join("\n")}`);
      const defects = lines.filter((line) => /"level":60|failed on an unexpected error/.test(line));
      if (defects.length > 0) throw new Error(`defects were logged:\n${defects.slice(0, 5).join("\n")}`);
      const leaks = lines.filter((line) => LEAK.test(line));
      if (leaks.length > 0) throw new Error(`a token or a question was logged:\n${leaks.slice(0, 5).join("\n")}`);
      if (violations.length > 0) throw new Error(`requests broke rules: ${JSON.stringify(violations.slice(0, 5))}`);
    },
  };

  try {
    const names = ["api", "worker", "gateway"] as const;
    await Promise.all(names.flatMap((name) => Array.from({ length: counts[name] }, () => system.start(name))));
  } catch (error) {
    await system.stop().catch(() => {});
    throw error;
  }
  return system;
}

/** A token; or the directive that is in almost every question of a test. */
const LEAK = /boo_[A-Za-z0-9_-]{43}|\[\[script/;

const hasExited = ({ process }: ServiceProcess) => process.exitCode !== null || process.signalCode !== null;

/** The text of a file in the code base that the tests ask about. */
export const readFastify = (path: string) => readFileSync(`${FASTIFY}/${path}`, "utf8");
