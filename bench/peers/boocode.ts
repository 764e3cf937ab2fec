import { execFile } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot, startPostgres, startRedis } from "@boocode/backing-services";
import type { LimitChange } from "@boocode/contracts";
import { addUser } from "@boocode/identity";
import { type ServiceProcess, startService } from "@boocode/local-stack";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { changeUser, createGrant } from "@boocode/store";
import { countTrips, type Trips, type Urls } from "./count-trips.ts";
import { openSocket } from "./open-socket.ts";
import type { Peer, Session } from "./peer.ts";
import { postJson } from "./post-json.ts";

/** The model's context window in tokens. */
export const WINDOW = 32_768;

export interface BooCodeOptions {
  modelUrl: string;
  users?: number;
  /** `on`: USER_LIMITS with its defaults. */
  limits?: "on" | "off";
  /** A checkout as `npm run build` built it; by default this one. */
  checkout?: string;
  name?: string;
  /** Settings of all services, over those that every benchmark has. */
  env?: Record<string, string>;
  /** Counts the round trips of each service to its stores. */
  counted?: boolean;
}

interface User {
  id: string;
  token: string;
  headers: Record<string, string>;
  projectId: string;
}

export interface BooCode extends Peer {
  api: ServiceProcess;
  worker: ServiceProcess;
  gateway: ServiceProcess;
  urls: Urls;
  /** By service, if they are counted. */
  trips: ReadonlyMap<string, Trips>;
  sql: Postgres;
  /** The folder of the users' projects. */
  folder: string;
  users: User[];
  /** Creates a user with a project. @param limits in place of USER_LIMITS */
  addUser(name: string, limits?: LimitChange): Promise<User>;
  newSession(user: number | User, model?: string): Promise<string>;
  openKnown(user: number, id: string, heard: Parameters<Peer["openSession"]>[1]): Promise<Session>;
}

/**
 * The product as shipped: one API, worker and gateway, a durable Postgres and a Redis with an append-only file, of its own. Turns do not wait for
 * slots of the worker.
 */
export async function startBooCode(options: BooCodeOptions): Promise<BooCode> {
  const { modelUrl, checkout = repositoryRoot, limits = "off", name = "boocode" } = options;
  const releases: (() => unknown)[] = [];
  async function stop(): Promise<void> {
    for (const release of releases.splice(0).reverse()) await release();
  }
  try {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "boocode-bench-")));
    releases.push(() => rmSync(folder, { recursive: true, force: true }));
    const postgres = await startPostgres({ keep: false, durability: "full", order: ["installed", "embedded"] });
    releases.push(() => postgres.stop());
    const redis = await startRedis({ keep: false, appendOnly: true, order: ["installed", "extracted", "apt"] });
    releases.push(() => redis.stop());
    const urls = { DATABASE_URL: postgres.url, REDIS_URL: redis.url };
    const program = { cwd: checkout, env: { PATH: process.env.PATH, ...urls } };
    await promisify(execFile)(process.execPath, ["dist/migrate/main.mjs"], program);

    const server = { name: "bench", url: modelUrl, context_size: WINDOW };
    const env = {
      ...{
        MODEL_SERVERS: JSON.stringify([server]),
        PROJECT_ROOTS: folder,
        NODE_ENV: "production",
        WORKER_CONCURRENCY: "2000",
      },
      ...{ USER_LIMITS: limits === "on" ? "{}" : "off", ...options.env },
    };
    const trips = countTrips();
    releases.push(() => trips.close());
    async function start(service: string): Promise<ServiceProcess> {
      const routed = options.counted ? await trips.route(service, urls) : urls;
      const started = await startService(service, { checkout, env: { ...env, ...routed } });
      releases.push(() => started.stop("SIGKILL"));
      return started;
    }
    const [api, worker, gateway] = await Promise.all([start("api"), start("worker"), start("gateway")]);

    const sql = connectPostgres(postgres.url, { name: "bench", connections: 2, statementMs: 0 });
    releases.push(() => sql.end({ timeout: 2 }));
    async function makeUser(name: string, limits?: LimitChange): Promise<User> {
      const { userId: id, token } = await addUser(sql, name);
      if (limits) await changeUser(sql, "operator", id, { limits });
      await createGrant(sql, { userId: id, path: folder, by: "operator" });
      const headers = { authorization: `Bearer ${token}` };
      const project = await postJson<{ id: string }>(`${api.url}/api/projects`, { name, path: folder }, headers);
      return { id, token, headers, projectId: project.id };
    }
    const users: User[] = [];
    for (let made = 0; made < (options.users ?? 1); made++) users.push(await makeUser(`bench ${made}`));
    const userOf = (user: number) => users[user % users.length] as User;
    // With a name, so that nothing is named in the background.
    const newSession: BooCode["newSession"] = async (user, model = "bench") => {
      const { headers, projectId } = typeof user === "number" ? userOf(user) : user;
      const url = `${api.url}/api/projects/${projectId}/sessions`;
      return (await postJson<{ id: string }>(url, { name: "bench", model }, headers)).id;
    };
    const openKnown: BooCode["openKnown"] = async (user, id, heard) => {
      const { headers } = userOf(user);
      const socket = { url: `${gateway.url.replace("http", "ws")}/api/ws/sessions/${id}`, headers };
      const close = await openSocket(socket, (text, atUs) => {
        if (text.startsWith('{"type":"delta"')) return heard.text(text, atUs);
        const { type, status, reason, turn } = JSON.parse(text) as Record<string, string> & {
          turn?: { status: string };
        };
        if (type === "turn_finished") heard.ended(status === "complete" ? null : `${status} ${reason}`);
        if (type !== "snapshot") return;
        heard.text(text, atUs);
        if (turn && !["queued", "running"].includes(turn.status))
          heard.ended(turn.status === "complete" ? null : turn.status);
      });
      const url = `${api.url}/api/sessions/${id}/messages`;
      return { socket, close, ask: (content) => postJson(url, { content }, headers) };
    };
    return {
      ...{
        name,
        api,
        worker,
        gateway,
        urls,
        trips: trips.counts,
        sql,
        folder,
        users,
        addUser: makeUser,
        newSession,
        openKnown,
        stop,
      },
      services: [api.pid, worker.pid, gateway.pid],
      stores: [postgres.pid, redis.pid].filter((pid) => pid !== undefined),
      openSession: async (user, heard) => openKnown(user, await newSession(user), heard),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
