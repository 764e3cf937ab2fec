import { MAX_WAITING_TURNS } from "@boocode/contracts";
import { checkRelaying, createFollower, createKeys, readLog } from "@boocode/frame-log";
import {
  type Caller,
  createCallerFinder,
  createRefusalCounter,
  createTokenUses,
  findEndedCallers,
  renewCallers,
  takeTicket,
} from "@boocode/identity";
import { createRates, createSignIns, limitsOf, readLimits } from "@boocode/limits";
import {
  Counter,
  connectBackends,
  connectRedisSubscriber,
  createMetrics,
  every,
  Gauge,
  runService,
  type ServiceContext,
  serveHttp,
  withConnectionFailure,
  withDeadline,
} from "@boocode/runtime";
import {
  checkDatabase,
  findSession,
  findUnreadable,
  readEndedAccess,
  readListParts,
  readListVersions,
  readPositions,
  readTurnsFrom,
  readWaitingTurns,
  recordAuditEvents,
  recordTokenUses,
} from "@boocode/store";
import { Config } from "./config.ts";
import { createAccessCheck } from "./connections/access-check.ts";
import { createConnections } from "./connections/connections.ts";
import { buildServer } from "./server.ts";
import { createTopics } from "./topics/topics.ts";

/** The part of the grace period that is reserved for the last sockets to close. */
const CLOSE_MS = 4_000;

const READ_DEADLINE_MS = 3_000;
/** Limit of turns in one snapshot read. A client that missed more reloads the session, because its version has changed. */
const MAX_TURNS = 20;

/**
 * Limit of the projects whose channels are followed for one user, the newest. The position check finds the changes of further ones,
 * and has the client load its lists again.
 */
const MAX_FOLLOWED_PROJECTS = 500;

/** The start waits this long for Redis. Without Redis, each position check serves subscribers the drafts in Postgres. */
const REDIS_TIMEOUT_MS = 2_000;

/** Repeated refusals of this time share a row of the audit log. */
const AUDIT_FLUSH_MS = 60_000;

const USES_FLUSH_MS = 60_000;

/** Open files besides the subscribers' sockets: connections to Postgres and Redis, health checks, the program's own files. */
const OWN_FILES = 100;

runService({
  name: "gateway",
  config: Config,
  openFiles: (config) => config.MAX_CONNECTIONS + config.DATABASE_CONNECTIONS + OWN_FILES,
  start,
});

async function start(context: ServiceContext<Config>): Promise<void> {
  const { name, config, failpoint, logFailure, onRelease, dependencies } = context;
  const keys = createKeys(config.REDIS_PREFIX);
  const pubsub = connectRedisSubscriber(config);
  onRelease("redis subscriber", () => pubsub.disconnect());
  const { pool, redis } = await connectBackends(context, {
    redisTimeoutMs: REDIS_TIMEOUT_MS,
    subscriber: pubsub,
  });
  dependencies.add("postgres", () => checkDatabase(pool, { writes: false }));
  dependencies.add("redis", () => withConnectionFailure(redis, () => checkRelaying(redis, keys)));

  const metrics = createMetrics(name);
  const snapshotReads = new Counter({
    name: "boocode_snapshot_reads_total",
    help: "Reads of a session's turns from Postgres for joining subscribers.",
    registers: [metrics],
  });
  const read = <T>(what: string, promise: Promise<T>) => withDeadline(READ_DEADLINE_MS, what, promise);
  const follower = createFollower(pubsub, {
    onMessage: (channel, bytes) => topics.receive(channel, bytes),
    onGap: () => topics.gap(),
  });
  onRelease("follower", () => follower.stop());
  dependencies.add("subscriber", () => follower.check(keys.check));
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
      unreadable: (followed) => read("the access check", findUnreadable(pool, followed)),
      positions: (watched) => read("the position check", readPositions(pool, watched)),
      waiting: (sessionIds) => read("the waiting turns", readWaitingTurns(pool, sessionIds, MAX_WAITING_TURNS)),
      listVersions: (userIds) => read("the position check", readListVersions(pool, userIds)),
      lists: (userId) => read("the version of the lists", readListParts(pool, userId, MAX_FOLLOWED_PROJECTS)),
    },
    onError: logFailure("an operation for subscribers, which will be tried again,"),
  });
  const limits = readLimits(config.USER_LIMITS);
  const connections = createConnections({
    max: config.MAX_CONNECTIONS,
    mostOf: (caller) => limitsOf(limits, caller).sockets,
    reconnectSpreadMs: Math.min(config.RECONNECT_SPREAD_MS, Math.max(0, config.SHUTDOWN_GRACE_MS - CLOSE_MS)),
  });

  const checkPositions = () => topics.check();
  const renew = (callers: Caller[]) => read("the check of callers", renewCallers(pool, callers));
  const checkAccess = createAccessCheck({
    isWatched: connections.hasCallers,
    readEnded: (since) => read("what access ended", readEndedAccess(pool, since)),
    async check(changed, now) {
      await Promise.all([connections.checkCallers(renew, { changed, now }), topics.checkAccess(changed)]);
    },
  });
  onRelease(
    "position check",
    every(() => config.POSITION_CHECK_MS, checkPositions, logFailure("the position check", "postgres")),
  );
  onRelease(
    "access check",
    every(() => config.POSITION_CHECK_MS, checkAccess, logFailure("the access check", "postgres")),
  );
  const sweep = async () => {
    topics.sweep();
    connections.keepAlive();
  };
  onRelease(
    "sweep",
    every(() => 250, sweep, logFailure("the sweep")),
  );

  const refusals = createRefusalCounter({ save: (events) => recordAuditEvents(pool, events), now: () => new Date() });
  const saveRefusals = every(() => AUDIT_FLUSH_MS, refusals.flush, logFailure("saving refusals", "postgres"));
  onRelease("refusals", () => saveRefusals().then(refusals.flush));

  const uses = createTokenUses({ save: (used) => recordTokenUses(pool, used), now: () => performance.now() });
  const saveUses = every(() => USES_FLUSH_MS, uses.flush, logFailure("saving when tokens were used", "postgres"));
  onRelease("token uses", () => saveUses().then(uses.flush));

  const now = () => performance.now();
  const rates = createRates({ redis, keyOf: keys.rate, now });
  const findCaller = createCallerFinder(config, { pool, log: context.log });
  const open = new Gauge({
    name: "boocode_connections_open",
    help: "Open sockets and event streams.",
    registers: [metrics],
  });
  const server = buildServer({
    topics,
    connections,
    mayRead: async (userId, sessionId) => (await read("a session", findSession(pool, userId, sessionId))) !== null,
    findCaller: uses.noting((token) => read("a token", findCaller(token))),
    takeTicket: async (ticket) => {
      const caller = await takeTicket(redis, keys, ticket);
      if (caller === null) return null;
      const ended = await read("the caller of a ticket", findEndedCallers(pool, [caller]));
      return ended.has(caller) ? null : caller;
    },
    refused: refusals.refused,
    limits,
    rates,
    signIns: createSignIns({ rates, now, isOff: limits === null }),
    isTrustedProxy: config.TRUSTED_PROXIES,
    maxConnections: config.MAX_CONNECTIONS + OWN_FILES / 2,
    pingMs: config.PING_MS,
    pongTimeoutMs: config.PONG_TIMEOUT_MS,
    authTimeoutMs: config.AUTH_TIMEOUT_MS,
    maxUnsentBytes: config.MAX_UNSENT_BYTES,
    corsOrigins: config.CORS_ORIGINS,
    dependencies,
    metrics: config.PUBLIC_PAGES.includes("metrics")
      ? () => {
          open.set(connections.count());
          return metrics.metrics();
        }
      : null,
  });
  await serveHttp(context, server, () => {
    server.close();
    server.closeIdleConnections();
  });
  onRelease("connections", () => connections.drain());
}
