import { createFollower, createKeys, readLog } from "@boocode/frame-log";
import { findCaller, takeTicket } from "@boocode/identity";
import {
  Counter,
  connectPostgres,
  connectRedis,
  connectRedisSubscriber,
  createFailpoints,
  createLogger,
  createMetrics,
  every,
  Gauge,
  listen,
  loadConfig,
  runService,
  type ServiceContext,
  untilPostgresReady,
  untilRedisReady,
  withDeadline,
} from "@boocode/runtime";
import { findRevokedTokens, findSession, readPositions, readTurnsFrom, readUserVersions } from "@boocode/store";
import { Config } from "./config.ts";
import { createConnections } from "./connections/connections.ts";
import { buildServer } from "./server.ts";
import { createTopics } from "./topics/topics.ts";

const READ_DEADLINE_MS = 3_000;
/** A pubsub that missed more turns than this loads the session again, as the version tells it to. */
const MAX_TURNS = 20;

/** Subscribers are served from Postgres meanwhile, at the pace of the drafts; until Redis is there, readiness says so. */
const REDIS_PATIENCE_MS = 2_000;

runService(() => {
  const config = loadConfig(Config, process.env);
  const log = createLogger("gateway", config.LOG_LEVEL);
  return { log, graceMs: config.SHUTDOWN_GRACE_MS, start: (context) => start(config, context) };
});

async function start(config: Config, { log, onRelease }: ServiceContext): Promise<void> {
  const keys = createKeys(config.REDIS_PREFIX);
  const pool = connectPostgres(config.DATABASE_URL, { name: "gateway", connections: config.DATABASE_CONNECTIONS });
  onRelease("postgres", () => pool.end({ timeout: 2 }));
  const redis = connectRedis(config.REDIS_URL);
  onRelease("redis", () => redis.disconnect());
  const pubsub = connectRedisSubscriber(config.REDIS_URL);
  onRelease("redis subscriber", () => pubsub.disconnect());
  const failed = (what: string) => (err: unknown) => log.warn({ err }, `${what} failed`);
  const redisReady = Promise.all([redis, pubsub].map((connection) => untilRedisReady(connection, REDIS_PATIENCE_MS)));
  await Promise.all([untilPostgresReady(pool, 10_000), redisReady.catch(failed("connecting to Redis"))]);

  const failpoint = createFailpoints(config.FAULT_POINTS);
  const metrics = createMetrics("gateway");
  const snapshotReads = new Counter({
    name: "boocode_snapshot_reads_total",
    help: "Reads of a session's turns from Postgres for subscribers that join.",
    registers: [metrics],
  });
  const read = <T>(what: string, promise: Promise<T>) => withDeadline(READ_DEADLINE_MS, what, promise);
  const follower = createFollower(pubsub, {
    onMessage: (channel, bytes) => topics.receive(channel, bytes),
    onGap: () => topics.gap(),
  });
  onRelease("follower", () => follower.stop());
  const topics = createTopics({
    follower,
    keys,
    limits: {
      behindBytes: config.BEHIND_BYTES,
      caughtUpBytes: config.CAUGHT_UP_BYTES,
      maxUnsentBytes: config.MAX_UNSENT_BYTES,
      behindTimeoutMs: config.BEHIND_TIMEOUT_MS,
    },
    reads: {
      turnsFrom: async (sessionId, ordinal) => {
        await failpoint("after-subscribe");
        snapshotReads.inc();
        const turns = await read("a snapshot", readTurnsFrom(pool, sessionId, ordinal, MAX_TURNS));
        await failpoint("after-snapshot");
        return turns;
      },
      log: (sessionId, epoch, fromSeq) => readLog(redis, keys, sessionId, epoch, fromSeq),
      positions: (sessionIds) => read("the position check", readPositions(pool, sessionIds)),
      userVersions: (userIds) => read("the position check", readUserVersions(pool, userIds)),
    },
    onError: (err) => log.warn({ err }, "serving a subscription met an error and goes on"),
  });
  const connections = createConnections({
    max: config.MAX_CONNECTIONS,
    reconnectSpreadMs: config.RECONNECT_SPREAD_MS,
  });

  const checkPositions = () => topics.check();
  const checkTokens = () => connections.checkTokens((ids) => read("the token check", findRevokedTokens(pool, ids)));
  onRelease(
    "position check",
    every(() => config.POSITION_CHECK_MS, checkPositions, failed("the position check")),
  );
  onRelease(
    "token check",
    every(() => config.POSITION_CHECK_MS, checkTokens, failed("the token check")),
  );
  const sweep = async () => {
    topics.sweep();
    connections.beat();
  };
  onRelease(
    "heartbeat",
    every(() => 250, sweep, failed("the heartbeat")),
  );

  const open = new Gauge({
    name: "boocode_connections_open",
    help: "Sockets and event streams.",
    registers: [metrics],
  });
  const server = buildServer({
    topics,
    connections,
    mayRead: async (userId, sessionId) => (await read("a session", findSession(pool, userId, sessionId))) !== null,
    findCaller: (token) => read("a token", findCaller(pool, token)),
    takeTicket: (ticket) => takeTicket(redis, keys, ticket),
    pingMs: config.PING_MS,
    pongTimeoutMs: config.PONG_TIMEOUT_MS,
    authTimeoutMs: config.AUTH_TIMEOUT_MS,
    maxUnsentBytes: config.MAX_UNSENT_BYTES,
    checks: {
      postgres: () => pool`select 1`,
      redis: () => redis.ping(),
      subscriber: () => follower.connected(),
    },
    metrics: () => {
      open.set(connections.count());
      return metrics.metrics();
    },
  });
  log.info({ url: await listen(server, config.HOST, config.PORT) }, "listening");
  onRelease("http", () => {
    server.close();
    server.closeIdleConnections();
  });
  onRelease("connections", () => connections.drain());
}
