import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { testDatabase, testRedis } from "@boocode/backing-services/testing";
import { addUser } from "@boocode/identity";
import { type ServiceProcess, startService } from "@boocode/local-stack";
import { connectPostgres } from "@boocode/runtime";
import { type ScriptedModel, startScriptedModel } from "@boocode/scripted-model";
import { createGrant } from "@boocode/store";
import { WebSocket } from "ws";
import { type BooCodeClient, type BooCodeClientOptions, createBooCodeClient } from "../src/index.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** An api, a worker and a gateway as processes, with their own database, Redis and scripted model. */
export interface Stack {
  model: ScriptedModel;
  client: BooCodeClient;
  newClient(options?: Partial<BooCodeClientOptions>): BooCodeClient;
  /** How the clients open sockets; each is kept in `sockets`, so that tests can break it. */
  openSocket(url: string, headers: Record<string, string>): WebSocket;
  sockets: WebSocket[];
  /** Kills the gateway; the function that it resolves with starts another one on the same port. */
  killGateway(): Promise<() => Promise<void>>;
  killWorker(): Promise<() => Promise<void>>;
  newSession(): Promise<string>;
  stop(): Promise<void>;
}

export async function startStack(): Promise<Stack> {
  const releases: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const release of releases.splice(0).reverse()) await release();
  };
  try {
    return await startWith(releases, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startWith(releases: (() => Promise<unknown>)[], stop: () => Promise<void>): Promise<Stack> {
  const database = await testDatabase();
  releases.push(database.drop);
  const redis = await testRedis();
  releases.push(redis.stop);
  const model = await startScriptedModel();
  releases.push(async () => {
    await model.close();
    if (model.violations().length > 0) throw new Error(`requests broke rules: ${JSON.stringify(model.violations())}`);
  });
  const sql = connectPostgres(database.url, { name: "client-test", connections: 2 });
  releases.push(() => sql.end({ timeout: 2 }));
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    LLAMA_SWAP_URL: model.url,
    PROJECT_ROOTS: repository,
    LEASE_MS: "1500",
    HEARTBEAT_MS: "400",
    // More than fits into a frame, so that an output is shortened.
    TOOL_OUTPUT_BYTES: "100000",
  };
  const services: Record<string, ServiceProcess> = {};
  const start = async (name: string, port = 0) => {
    const service = await startService(name, { env: { ...env, PORT: String(port) } });
    services[name] = service;
    releases.push(() => service.stop());
  };
  const started = await Promise.allSettled(["api", "worker", "gateway"].map((name) => start(name)));
  for (const one of started) if (one.status === "rejected") throw one.reason;
  const urlOf = (name: string) => (services[name] as ServiceProcess).url;
  const { userId, token } = await addUser(sql, "client");
  await createGrant(sql, { userId, path: realpathSync(repository), by: "operator" });
  const sockets: WebSocket[] = [];
  const openSocket: Stack["openSocket"] = (url, headers) => {
    const socket = new WebSocket(url, { headers });
    sockets.push(socket);
    return socket;
  };
  const newClient = (options: Partial<BooCodeClientOptions> = {}) =>
    createBooCodeClient({ apiUrl: urlOf("api"), gatewayUrl: urlOf("gateway"), token, openSocket, ...options });
  const client = newClient();
  const project = await client.createProject({ name: "client", path: repository });

  const kill = async (name: string) => {
    const service = services[name] as ServiceProcess;
    await service.stop("SIGKILL");
    return () => start(name, Number(new URL(service.url).port));
  };

  return {
    model,
    client,
    newClient,
    openSocket,
    sockets,
    killGateway: () => kill("gateway"),
    killWorker: () => kill("worker"),
    newSession: async () => (await client.createSession(project.id, { name: "test" })).id,
    stop,
  };
}

/** A question with a script for the scripted model. */
export function ask(script: object, question = "Tell me."): { content: string } {
  return { content: `${question} [[script ${JSON.stringify(script)}]]` };
}
