import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createDatabase, migrate, type Server, startPostgres } from "@boocode/backing-services";
import { testDatabase, testRedis } from "@boocode/backing-services/testing";
import { addUser } from "@boocode/identity";
import { type ServiceProcess, startService } from "@boocode/local-stack";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { type ScriptedModel, type ScriptedModelOptions, startScriptedModel } from "@boocode/scripted-model";
import { auditTurns } from "./audit.ts";
import { createRest, type Rest } from "./rest.ts";

/** The code base that the tests ask about: a real one that is in every checkout. */
export const FASTIFY = fileURLToPath(new URL("../../node_modules/fastify", import.meta.url));
const NODE_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));

/**
 * For suites without faults: gateways check positions so rarely that subscribers receive published frames only, in their
 * exact order on any machine, and a frame that was not published is missed.
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
  /** For oracles: reads the truth. */
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
  /** Uses a private Postgres server that keeps everything acknowledged on disk. */
  privatePostgres?: boolean;
  /** Puts a proxy between the services and their database or Redis; the oracles bypass it. */
  route?: (urls: { databaseUrl: string; redisUrl: string }) => Promise<{ databaseUrl: string; redisUrl: string }>;
}

interface Database {
  url: string;
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
  await migrate(database.url);
  return { url: database.url, postgres, drop: () => postgres.stop() };
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const [database, redis, model] = await Promise.all([
    options.privatePostgres ? ownDatabase() : sharedDatabase(),
    testRedis(),
    startScriptedModel(options.model),
  ]);
  const direct = { databaseUrl: database.url, redisUrl: redis.url };
  const routed = options.route ? await options.route(direct) : direct;
  const sql = connectPostgres(database.url, { name: "e2e", connections: 4 });
  await auditTurns(sql);
  const lines: string[] = [];
  const env = {
    DATABASE_URL: routed.databaseUrl,
    REDIS_URL: routed.redisUrl,
    LLAMA_SWAP_URL: model.url,
    PROJECT_ROOTS: NODE_MODULES,
    LOG_LEVEL: "info",
    ...options.env,
  };
  const services = { api: [] as ServiceProcess[], worker: [] as ServiceProcess[], gateway: [] as ServiceProcess[] };

  const launch = (name: string, settings: Record<string, string>) =>
    startService(name, { env: settings, onLine: (line) => lines.push(line), built: true });

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
      const started = await launch(name, { ...env, ...more });
      services[name].push(started);
      return started;
    },
    async restart(ended, more = {}) {
      const name = ended.name as keyof typeof services;
      const again = { ...env, ...more, PORT: new URL(ended.url).port };
      const started = await launch(name, again);
      services[name][services[name].indexOf(ended)] = started;
      return started;
    },
    async addUser(name) {
      const { userId, token } = await addUser(sql, name);
      return { id: userId, token, rest: createRest(() => (services.api[0] as ServiceProcess).url, token) };
    },
    async stop() {
      const running = Object.values(services)
        .flat()
        .filter((service) => service.process.exitCode === null && service.process.signalCode === null);
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
      if (violations.length > 0) throw new Error(`requests broke rules: ${JSON.stringify(violations.slice(0, 5))}`);
    },
  };

  const wanted = [
    ...Array<"api">(options.apis ?? 1).fill("api"),
    ...Array<"worker">(options.workers ?? 1).fill("worker"),
    ...Array<"gateway">(options.gateways ?? 1).fill("gateway"),
  ];
  try {
    await Promise.all(wanted.map((name) => system.start(name)));
  } catch (error) {
    await system.stop().catch(() => {});
    throw error;
  }
  return system;
}

/** The text of a file in the code base that the tests ask about. */
export const readFastify = (path: string) => readFileSync(`${FASTIFY}/${path}`, "utf8");
