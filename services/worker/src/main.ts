import { createServer } from "node:http";
import { readLimits } from "@boocode/limits";
import { checkTools } from "@boocode/project-tools";
import {
  answerHealth,
  connectRedisBlocking,
  createMetrics,
  DeadlineExceeded,
  every,
  Gauge,
  runService,
  type ServiceContext,
  serveHttp,
  withDeadline,
} from "@boocode/runtime";
import { type ClaimedTurn, claimTurns, releaseTurn, takeOverClaim } from "@boocode/store";
import { moveOldJobs } from "@boocode/turn-queue";
import { processTurn } from "./attempt/process-turn.ts";
import { Config, isolatedCapacity } from "./config.ts";
import { consumeNaming } from "./consume-naming.ts";
import { consumeTurns } from "./consume-turns.ts";
import { createIsolatedTurns, isolatedFence } from "./isolated-turns.ts";
import { maintainStore } from "./maintain-store.ts";
import { reconcileTurns } from "./reconcile-turns.ts";
import { runIsolatedTurn } from "./run-isolated-turn.ts";
import { createTurnRunner } from "./turn-runner.ts";
import { wireTurns } from "./wire-turns.ts";

/** The last part of the grace period, reserved for releasing the turns that still run. */
const RELEASE_MS = 8_000;

/** A starting worker waits this long for Redis, and then starts without it: the reconciler finds turns in Postgres. */
const REDIS_TIMEOUT_MS = 10_000;

const CLAIM_MS = 5_000;

/** Open files of one turn: a connection to the model server, the project's folder, and the files and pipes of its tools. */
const FILES_PER_TURN = 16;
const OWN_FILES = 200;

const DAY_MS = 24 * 60 * 60_000;

/** What a worker may still append to a frame log after a deletion, until it learns of the cancel or its lease expires. */
const LAST_APPEND_MS = 60_000;

/** How often the previous version's queues are polled: its processes may still add jobs during an upgrade. */
const OLD_JOBS_MS = 5_000;

runService({
  name: "worker",
  config: Config,
  logFields: (config) => ({ worker_id: config.WORKER_ID }),
  openFiles: (config) => config.WORKER_CONCURRENCY * FILES_PER_TURN + OWN_FILES,
  async start(context) {
    const fence = isolatedFence(process.argv);
    await (fence ? runIsolatedTurn(context, fence) : serve(context));
  },
});

async function serve(context: ServiceContext<Config>): Promise<void> {
  const { name, config, log, failpoint, logFailure, onRelease, dependencies } = context;
  const wired = await wireTurns(context, REDIS_TIMEOUT_MS);
  const { keys, pool, redis, queue, leases } = wired;
  const blocking = connectRedisBlocking(config);
  onRelease("redis queue", () => blocking.disconnect());

  /** A claim that succeeds after its deadline is released, so that it costs the turn no attempt. */
  const inTime = (claim: Promise<ClaimedTurn[]>) =>
    withDeadline(CLAIM_MS, "a claim", claim).catch((error: unknown) => {
      const release = async () => {
        for (const turn of await claim) await releaseTurn(pool, { turnId: turn.id, attempt: turn.attempt });
      };
      if (error instanceof DeadlineExceeded) void release().catch(logFailure("releasing a late claim"));
      throw error;
    });

  const isolatedTurns = createIsolatedTurns({
    leases,
    appender: wired.appender,
    async spend(fence) {
      await takeOverClaim(pool, fence, { workerId: config.WORKER_ID, leaseMs: config.LEASE_MS });
      await failpoint("after-spend");
    },
    log,
  });
  const limits = readLimits(config.USER_LIMITS);
  const runningLimits = limits && { user: limits.user.turns_running, admin: limits.admin.turns_running };
  const runner = createTurnRunner({
    capacity: config.WORKER_CONCURRENCY,
    workerId: config.WORKER_ID,
    leaseMs: config.LEASE_MS,
    isolatedCapacity: isolatedCapacity(config, process.env, (message) => log.warn(message)),
    maxAttempts: config.MAX_ATTEMPTS,
    claim: (which, claim, most) => {
      const more = { mostRunning: runningLimits, models: wired.models.resolved() };
      return inTime(claimTurns(pool, which, { ...claim, ...more }, most));
    },
    process: async (turn, claimedAt) => {
      await failpoint("after-claim");
      return await processTurn(wired.turnDeps, turn, claimedAt);
    },
    processIsolated: async (turn, claimedAt) => {
      await failpoint("after-claim");
      await isolatedTurns.run(turn, claimedAt);
      return true;
    },
    onError: logFailure("claiming the next turn", "postgres"),
  });

  const consumer = consumeTurns({
    connection: blocking,
    prefix: keys.queues,
    runner,
    onError: logFailure("the queue", "redis"),
  });
  onRelease("queue consumer", () => consumer.close());
  const naming = consumeNaming({
    connection: blocking,
    prefix: keys.queues,
    deps: { pool, announce: wired.announce, models: wired.models, failpoint, timeoutMs: 60_000 },
    onError: logFailure("the naming queue", "redis"),
    onNamingFailed: logFailure("naming a session"),
  });
  onRelease("naming consumer", () => naming.close());
  const moveJobs = async () => {
    const jobs = await moveOldJobs(redis, keys.oldQueues, queue);
    if (jobs > 0) log.info({ jobs }, "moved jobs from the previous version's queues");
  };
  const stopMoving = every(
    () => OLD_JOBS_MS,
    moveJobs,
    logFailure("moving jobs from the previous version's queues", "redis"),
  );
  onRelease("old queues", stopMoving);

  const metrics = createMetrics(name);
  const running = new Gauge({
    name: "boocode_turns_running",
    help: "Turns that run in this worker.",
    registers: [metrics],
  });
  dependencies.add("tools", checkTools);
  const server = createServer((request, response) => {
    running.set(runner.running());
    if (!answerHealth(request, response, dependencies, () => metrics.metrics())) response.writeHead(404).end();
  });
  await serveHttp(context, server, () => server.close());

  // The reconciler's look finds them too, so that a worker without turns asks the database one thing a second.
  let hasProjectsToEmpty = false;
  let hasTextsToIndex = false;
  const stopReconciling = reconcileTurns({
    pool,
    runner,
    noteProjectsToEmpty(areThere) {
      hasProjectsToEmpty = areThere;
    },
    noteTextsToIndex(areThere) {
      hasTextsToIndex = areThere;
    },
    appender: wired.appender,
    announce: wired.announce,
    maxCrashes: config.MAX_ATTEMPTS,
    leaseMs: config.LEASE_MS,
    failpoint,
    onError: logFailure("reconciling"),
    log,
  });
  const stopMaintaining = maintainStore({
    pool,
    hasProjectsToEmpty: () => hasProjectsToEmpty,
    hasTextsToIndex: () => hasTextsToIndex,
    announce: wired.announce,
    purge: { afterMs: config.PURGE_AFTER_DAYS * DAY_MS, frameLogMs: config.FRAME_LOG_TTL_MS + LAST_APPEND_MS },
    retentionMs: config.RETENTION_DAYS === 0 ? null : config.RETENTION_DAYS * DAY_MS,
    auditDays: config.AUDIT_RETENTION_DAYS,
    roundMs: config.MAINTENANCE_INTERVAL_MS,
    failpoint,
    onError: logFailure("maintaining the store"),
    log,
  });
  onRelease("maintenance", stopMaintaining);
  // Releases run in reverse order, so this one runs first: stop claiming, let running turns end, release those that are left.
  onRelease("turns", async () => {
    await Promise.allSettled([consumer.pause(), stopReconciling()]);
    await runner.drain(Math.max(0, config.SHUTDOWN_GRACE_MS - RELEASE_MS));
    leases.releaseAll();
    isolatedTurns.releaseAll();
    await runner.drain(RELEASE_MS / 2);
  });
}
