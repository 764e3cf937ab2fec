import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Server } from "../server.ts";
import { testRedis } from "./test-redis.ts";

/** A Redis Cluster of three masters with a replica each; its nodes may be killed and restarted. */
export interface RedisCluster {
  /** A URL of the form that services take. */
  url: string;
  password: string;
  nodes: Server[];
  /** The node that is now the master of a key's slot. */
  masterOf(key: string): Promise<Server>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
/** Silence after which the cluster takes a node for failed. */
const NODE_TIMEOUT_MS = 2_000;

const connectTo = ({ url }: Pick<Server, "url">) => {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null, commandTimeout: 1_000 });
  redis.on("error", () => {});
  return redis;
};
const portOf = ({ url }: Pick<Server, "url">) => Number(new URL(url).port);

/** Starts a cluster in about 3 s. Needs Redis 7. @param more lines of each node's configuration */
export async function startRedisCluster(masters = 3, replicas = masters, more: string[] = []): Promise<RedisCluster> {
  const password = "cluster";
  const config = (port: number) => [
    ...["cluster-enabled yes", `cluster-node-timeout ${NODE_TIMEOUT_MS}`, `masterauth ${password}`],
    // The default bus port is 10000 higher, which would be above 65535 for many ephemeral ports.
    `cluster-port ${port > 20_000 ? port - 10_000 : port + 10_000}`,
    // Without the default delay of 5 s, so that a replica is up to date at once.
    "repl-diskless-sync-delay 0",
    ...more,
  ];
  const started = await Promise.allSettled(
    Array.from({ length: masters + replicas }, () => testRedis({ password, config })),
  );
  const nodes = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const stop = async () => void (await Promise.allSettled(nodes.map((node) => node.stop())));
  const clients = nodes.map(connectTo);
  try {
    for (const result of started) if (result.status === "rejected") throw result.reason;
    await join(nodes, clients, masters);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    for (const client of clients) client.disconnect();
  }
  return {
    url: `redis+cluster://:${password}@${nodes.slice(0, 3).map((node) => `127.0.0.1:${portOf(node)}`)}`,
    password,
    nodes,
    async masterOf(key) {
      for (const node of nodes) {
        const client = connectTo(node);
        const reply = await client.get(key).catch((error: Error) => error.message);
        client.disconnect();
        const [, port] = /^MOVED \d+ .*:(\d+)$/.exec(reply ?? "") ?? [];
        const master = port === undefined ? node : nodes.find((each) => portOf(each) === Number(port));
        if (master && !/^(Command|Connection|CLUSTERDOWN|Reached)/.test(reply ?? "")) return master;
      }
      throw new Error(`no node of the cluster knows the master of ${key}`);
    },
    stop,
  };
}

async function join(nodes: Server[], clients: Redis[], masters: number): Promise<void> {
  const [first] = clients as [Redis];
  const share = Math.ceil(SLOTS / masters);
  for (const [index, client] of clients.entries()) {
    await client.cluster("SET-CONFIG-EPOCH", index + 1);
    if (index < masters) {
      const end = Math.min(SLOTS, (index + 1) * share) - 1;
      await client.call("CLUSTER", "ADDSLOTSRANGE", String(index * share), String(end));
    }
    if (index === 0) continue;
    const port = portOf(nodes[0] as Server);
    // MEET must state the bus port, because the nodes do not know each other yet.
    await client.call(
      "CLUSTER",
      "MEET",
      "127.0.0.1",
      String(port),
      String(port > 20_000 ? port - 10_000 : port + 10_000),
    );
  }
  const known = async (client: Redis) =>
    Number(/cluster_known_nodes:(\d+)/.exec(String(await client.cluster("INFO")))?.[1]) === nodes.length;
  await until(async () => (await Promise.all(clients.map(known))).every(Boolean));
  const ids = (await Promise.all(clients.map((client) => client.cluster("MYID")))) as string[];
  for (const [index, client] of clients.entries()) {
    if (index >= masters) await client.cluster("REPLICATE", ids[index - masters] as string);
  }
  const isOk = async (client: Redis, index: number) =>
    String(await client.cluster("INFO")).includes("cluster_state:ok") &&
    (index < masters || (await client.info("replication")).includes("master_link_status:up"));
  await until(async () => (await Promise.all(clients.map(isOk))).every(Boolean));
  // Every node must know which nodes are replicas.
  await until(async () => String(await first.cluster("NODES")).split(" slave ").length === nodes.length - masters + 1);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await condition()); await delay(50)) {
    if (Date.now() > end) throw new Error("the cluster did not form within 20 s");
  }
}
