import type { ConnectionOptions } from "node:tls";
import { Cluster, type ClusterOptions, Redis as Node, type RedisOptions } from "ioredis";
import { BehindSentinels, DirectConnector } from "./direct-connector.ts";
import { followAnyNode } from "./follow-any-node.ts";
import { patchTopologyReads, tolerateInfo } from "./patch-ioredis.ts";
import type { RedisConfig } from "./redis-env.ts";
import { parseRedisUrl, type RedisAddress } from "./redis-url.ts";

/** A connection for commands, to one Redis or to a cluster. */
export type Redis = Node | Cluster;
/** A connection for subscriptions. */
export type RedisSubscriber = Node;

/** Where Redis is: REDIS_URL alone, or with the other variables. */
type Where = string | (Pick<RedisConfig, "REDIS_URL"> & Partial<RedisConfig>);

/**
 * Reconnects within 250 ms, with jitter; after about two seconds of failures within one second, because a server that refuses
 * every login would otherwise keep the process busy.
 */
const retryStrategy = (attempts: number) =>
  attempts < QUICK_ATTEMPTS ? 50 + Math.random() * 200 : 500 + Math.random() * 500;
const QUICK_ATTEMPTS = 15;

/** Another server has become the master; a reconnect to the same address may reach it. The failed command still rejects. */
const reconnectOnError = (error: Error) => /^(READONLY|MASTERDOWN|NOREPLICAS)/.test(error.message);

/**
 * A connection that gets no answer for this long is reopened: its server may hang, and another may have become the master.
 * (The failover detector of ioredis 6 ends a connection for good when it fires during a reconnect.)
 */
const ANSWER_MS = 2_000;
/** The same for BullMQ's blocking reads, which Redis answers within 10 s. */
const BLOCKED_ANSWER_MS = 15_000;

/** How often the nodes of a cluster are asked which of them are masters. */
const TOPOLOGY_MS = 2_000;

const common = {
  retryStrategy,
  connectTimeout: 2_000,
  disconnectTimeout: 500,
  keepAlive: 10_000,
} satisfies RedisOptions;

/** For commands. They fail fast while Redis is away or hangs, because every caller can do without it for a while. */
export function connectRedis(where: Where, commandTimeoutMs = 1_000): Redis {
  return connect(where, {
    commandTimeout: commandTimeoutMs,
    socketTimeout: ANSWER_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
  });
}

/** For subscriptions. ioredis must not resubscribe, because the follower does so after each reconnect. */
export function connectRedisSubscriber(where: Where): RedisSubscriber {
  const options: RedisOptions = {
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    commandTimeout: 2_000,
    socketTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
  };
  const address = parseRedisUrl(typeof where === "string" ? where : where.REDIS_URL);
  if (address.mode !== "cluster") return connect(where, options) as Node;
  const topology = connect(where, { socketTimeout: ANSWER_MS, maxRetriesPerRequest: 0 }) as Cluster;
  const { tls, username, password } = loginOf(address, where);
  return quiet(followAnyNode(topology, address.hosts, { ...common, ...options, ...{ tls, username, password } }));
}

/** For a BullMQ worker, whose blocking reads have no time-out. */
export function connectRedisBlocking(where: Where): Redis {
  return connect(where, { maxRetriesPerRequest: null, socketTimeout: BLOCKED_ANSWER_MS });
}

function connect(where: Where, options: RedisOptions): Redis {
  const address = parseRedisUrl(typeof where === "string" ? where : where.REDIS_URL);
  const { hosts, master, db, family, sentinelTls } = address;
  const config: Partial<RedisConfig> = typeof where === "string" ? {} : where;
  const login = loginOf(address, where);
  const natMap = config.REDIS_NAT_MAP;
  if (address.mode === "cluster") {
    const { enableOfflineQueue, ...ofNodes } = options;
    const cluster: ClusterOptions = {
      clusterRetryStrategy: retryStrategy,
      slotsRefreshInterval: TOPOLOGY_MS,
      maxRedirections: 10,
      // No lookup here: the certificates are for the names, and each connection resolves its own.
      dnsLookup: (host, done) => done(null, host),
      ...(enableOfflineQueue !== undefined && { enableOfflineQueue }),
      ...(natMap && { natMap }),
      redisOptions: { ...common, ...login, ...ofNodes, Connector: DirectConnector, ...(family && { family }) },
    };
    return quiet(new Cluster(hosts, cluster));
  }
  const single: RedisOptions = { ...common, ...login, ...options, reconnectOnError, db, ...(family && { family }) };
  if (address.mode === "single") return quiet(new Node({ ...single, ...hosts[0], Connector: DirectConnector }));
  return quiet(
    new Node({
      ...single,
      sentinels: hosts,
      Connector: BehindSentinels as unknown as NonNullable<RedisOptions["Connector"]>,
      ...(master !== undefined && { name: master }),
      ...(config.REDIS_SENTINEL_USERNAME && { sentinelUsername: config.REDIS_SENTINEL_USERNAME }),
      ...(config.REDIS_SENTINEL_PASSWORD && { sentinelPassword: config.REDIS_SENTINEL_PASSWORD }),
      ...(sentinelTls && { sentinelTLS: tlsOf(address, config) }),
      enableTLSForSentinelMode: address.tls,
      ...(natMap && { natMap }),
      sentinelRetryStrategy: retryStrategy,
      sentinelCommandTimeout: 1_000,
    }),
  );
}

function loginOf(address: RedisAddress, where: Where): Pick<RedisOptions, "username" | "password" | "tls"> {
  const { username, password, tls } = address;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: tlsOf(address, typeof where === "string" ? {} : where) }),
  };
}

function tlsOf({ anyCertificate }: RedisAddress, config: Partial<RedisConfig>): ConnectionOptions {
  return {
    ...(config.REDIS_TLS_CA && { ca: config.REDIS_TLS_CA }),
    ...(config.REDIS_TLS_CERT && { cert: config.REDIS_TLS_CERT }),
    ...(config.REDIS_TLS_KEY && { key: config.REDIS_TLS_KEY }),
    ...(config.REDIS_TLS_SERVER_NAME && { servername: config.REDIS_TLS_SERVER_NAME }),
    ...(anyCertificate && { rejectUnauthorized: false }),
  };
}

/** General errors of ioredis, which must not replace the cause that it reported before. */
const NO_CAUSE =
  /^(Connection is closed|Failed to refresh slots cache|None of startup nodes|All sentinels are unreachable)/;

/** The last failure of each connection that is not ready. */
const failures = new WeakMap<object, Error>();

function quiet<R extends Redis>(redis: R): R {
  const fail = (error: Error) => {
    if (!failures.has(redis) || !NO_CAUSE.test(error.message)) failures.set(redis, error);
  };
  // Without a listener, ioredis prints each failed connect. Readiness reports them, and every command fails by itself.
  redis.on("error", fail);
  redis.on("sentinelError", fail);
  redis.on("node error", fail);
  redis.on("ready", () => failures.delete(redis));
  if (redis instanceof Cluster) {
    redis.on("+node", tolerateInfo);
    redis.on("+node", (node: Node) => patchTopologyReads(node, fail));
  } else tolerateInfo(redis);
  return redis;
}

/**
 * For readiness checks: a command on a connection that is not ready fails without the cause, which is recorded here.
 * @throws the reason for which the connection is not ready, if there is one, instead of the error of `check`
 */
export async function withConnectionFailure<T>(redis: Redis, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    throw (redis.status !== "ready" && failures.get(redis)) || error;
  }
}

/** Resolves when the connection is ready. @throws when it is not ready within `ms` */
export async function untilRedisReady(redis: Redis, ms: number): Promise<void> {
  if (redis.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      redis.off("ready", ready);
      reject(new Error(`Redis did not answer within ${ms} ms`, { cause: failures.get(redis) }));
    }, ms);
    const ready = () => {
      clearTimeout(timer);
      resolve();
    };
    redis.once("ready", ready);
  });
}
