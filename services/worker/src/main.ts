import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createFollower, createFrameAppender, createKeys, createPublisher } from "@boocode/frame-log";
import { createCatalog, modelServersOf } from "@boocode/model-servers";
import {
  answerHealth,
  connectPostgres,
  connectRedis,
  connectRedisBlocking,
  connectRedisSubscriber,
  createFaultPoints,
  createLogger,
  createMetrics,
  Gauge,
  listen,
  loadConfig,
  runService,
  type ServiceContext,
  untilRedisReady,
  within,
} from "@boocode/runtime";
import { claimDueTurn, claimTurn, renewLeases, saveDrafts } from "@boocode/store";
import { createTurnQueue } from "@boocode/turn-queue";
import { type AnnounceEndDeps, announceEnd } from "./announce-end.ts";
import { Config } from "./config.ts";
import { consumeTurns } from "./consume-turns.ts";
import { createLeases } from "./hold-leases.ts";
import { createModelServers } from "./model/model-servers.ts";
import { createSlots } from "./model/slots.ts";
import { consumeNaming } from "./name-session.ts";
import { createDraftSaver } from "./outputs/draft-saver.ts";
import { prepareTurn } from "./prepare-turn.ts";
import { processTurn } from "./process-turn.ts";
import { reconcileTurns } from "./reconcile-turns.ts";
import { createTurnRunner } from "./run-turns.ts";
import { createLimiter } from "./tools/limiter.ts";
import { createRunTool, toolOffers } from "./tools/run-tool.ts";
import { createTurnStore } from "./turn-store.ts";

/** The last part of the grace period, for saving and handing back what still runs. */
const HAND_BACK_MS = 8_000;
/** With fewer streams every append goes at once; with more, a stream appends text at most every 40 ms. */
const CALM_STREAMS = 8;
const GAP_MS = 40;

runService(() => {
  const config = loadConfig(Config, process.env);
  const log = createLogger("worker", config.LOG_LEVEL).child({ worker_id: config.WORKER_ID });
  return { log, graceMs: config.SHUTDOWN_GRACE_MS, start: (context) => start(config, context) };
});

async function start(config: Config, { log, onRelease }: ServiceContext): Promise<void> {
  const keys = createKeys(config.REDIS_PREFIX);
  const fault = createFaultPoints(config.FAULT_POINTS);
  const hint = (what: string) => (err: unknown) => log.warn({ err }, `${what} failed`);

  const pool = connectPostgres(config.DATABASE_URL, { name: "worker", connections: config.DATABASE_CONNECTIONS });
  onRelease("postgres", () => pool.end({ timeout: 2 }));
  const redis = connectRedis(config.REDIS_URL);
  onRelease("redis", () => redis.disconnect());
  const hints = connectRedisSubscriber(config.REDIS_URL);
  onRelease("redis subscriber", () => hints.disconnect());
  const blocking = connectRedisBlocking(config.REDIS_URL);
  onRelease("redis queue", () => blocking.disconnect());
  await within(10_000, "Postgres", pool`select 1`);
  await Promise.all([redis, hints].map((connection) => untilRedisReady(connection, 10_000)));

  const queue = createTurnQueue(redis, keys.queues);
  onRelease("queue", () => queue.close());
  const wake = (turnId: string) => void queue.wake(turnId, 1).catch(hint("waking a worker"));
  const appender = createFrameAppender(redis, keys, {
    entries: config.FRAME_LOG_ENTRIES,
    ttlMs: config.FRAME_LOG_TTL_MS,
  });

  const publisher = createPublisher(redis, keys);

  const leases = createLeases({
    leaseMs: config.LEASE_MS,
    heartbeatMs: config.HEARTBEAT_MS,
    marginMs: Math.min(1_000, config.LEASE_MS / 5),
    renew: (held) => within(config.HEARTBEAT_MS, "the heartbeat", renewLeases(pool, held, config.LEASE_MS)),
    onError: hint("a heartbeat"),
  });
  onRelease("leases", () => leases.stop());
  const drafts = createDraftSaver({
    intervalMs: config.DRAFT_INTERVAL_MS,
    save: (due) => within(3_000, "saving drafts", saveDrafts(pool, due)),
    onRefused: () => leases.look(),
    onError: hint("saving drafts"),
  });
  onRelease("drafts", () => drafts.stop());

  const servers = modelServersOf(config);
  const slots = createSlots({
    redis,
    prefix: `${config.REDIS_PREFIX}:model-slots`,
    newTicket: randomUUID,
    leaseMs: config.MODEL_SLOT_LEASE_MS,
    onError: hint("asking for a place at a model server"),
  });
  onRelease("slots", () => slots.stop());
  const models = createModelServers({
    servers,
    catalog: createCatalog({ servers, timeoutMs: 3_000, ttlMs: 60_000, now: () => performance.now() }),
    slots,
    defaultModel: config.DEFAULT_MODEL,
    idleTimeoutMs: config.MODEL_IDLE_TIMEOUT_MS,
    firstByteTimeoutMs: config.MODEL_FIRST_BYTE_TIMEOUT_MS,
    silenceNoticeMs: config.MODEL_SILENCE_NOTICE_MS,
    retries: {
      retries: config.MODEL_RETRIES,
      budgetMs: config.MODEL_RETRY_BUDGET_MS,
      loadingMs: config.MODEL_LOADING_TIMEOUT_MS,
    },
    log: (facts, message) => log.debug(facts, message),
  });
  const toolSlots = createLimiter(4);
  const limits = { timeoutMs: config.TOOL_TIMEOUT_MS, outputBytes: config.TOOL_OUTPUT_BYTES };

  const announce: AnnounceEndDeps = {
    publisher,
    wake,
    requestName: (sessionId) => void queue.requestName(sessionId).catch(hint("asking for a name")),
    onError: hint("telling the end of a turn"),
  };
  const runner = createTurnRunner({
    capacity: config.WORKER_CONCURRENCY,
    workerId: config.WORKER_ID,
    leaseMs: config.LEASE_MS,
    claim: (turnId, claim) => within(5_000, "a claim", claimTurn(pool, turnId, claim)),
    claimDue: (claim) => within(5_000, "a claim", claimDueTurn(pool, claim)),
    process: async (turn, claimedAt) => {
      await fault("after-claim");
      await processTurn(turnDeps, turn, claimedAt);
    },
  });
  const turnDeps: Parameters<typeof processTurn>[0] = {
    leases,
    drafts,
    appender,
    store: createTurnStore(pool, fault),
    prepare: (turn) =>
      prepareTurn(
        {
          pool,
          projectRoots: config.PROJECT_ROOTS,
          models,
          runToolIn: (root) =>
            createRunTool({
              root,
              limits,
              slots: toolSlots,
              onDefect: (err, tool) => log.error({ err, tool }, "a tool failed"),
            }),
          tools: toolOffers,
          maxDepth: config.MAX_TOOL_LOOP_DEPTH,
          budget: {
            answerShare: config.MODEL_ANSWER_PERCENT / 100,
            answerTokens: config.MODEL_ANSWER_TOKENS,
            defaultWindow: config.MODEL_DEFAULT_WINDOW,
          },
          historyCharacters: config.HISTORY_CHARACTERS,
        },
        turn,
      ),
    announceEnd: (ended, answered) => announceEnd(announce, ended, answered),
    wake,
    gapMs: () => (runner.running() > CALM_STREAMS ? GAP_MS : 0),
    turnTimeoutMs: config.TURN_TIMEOUT_MS,
    maxAttempts: config.MAX_ATTEMPTS,
    log,
  };

  const follower = createFollower(hints, {
    onMessage: (_channel, bytes) => {
      if (leases.holds(bytes)) leases.look();
    },
    onHole: () => leases.look(),
  });
  onRelease("follower", () => follower.stop());
  await follower.follow(keys.cancel);

  const consumer = consumeTurns({
    connection: blocking,
    prefix: keys.queues,
    capacity: config.WORKER_CONCURRENCY,
    runner,
    onError: hint("the queue"),
  });
  onRelease("queue consumer", () => consumer.close());
  const naming = consumeNaming({
    connection: blocking,
    prefix: keys.queues,
    deps: { pool, publisher, models, timeoutMs: 60_000 },
    onError: hint("naming a session"),
  });
  onRelease("naming consumer", () => naming.close());

  const metrics = createMetrics("worker");
  const running = new Gauge({ name: "boocode_turns_running", help: "Turns that run here.", registers: [metrics] });
  const checks = {
    postgres: () => pool`select 1`,
    redis: () => redis.ping(),
    hints: () => follower.connected(),
  };
  const server = createServer((request, response) => {
    running.set(runner.running());
    if (!answerHealth(request, response, checks, () => metrics.metrics())) response.writeHead(404).end();
  });
  log.info({ url: await listen(server, config.HOST, config.PORT) }, "listening");
  onRelease("health", () => server.close());

  const stopReconciling = reconcileTurns({
    pool,
    runner,
    appender,
    announce,
    maxCrashes: config.MAX_ATTEMPTS,
    fault,
    log,
  });
  // The last acquired is the first released: take no more turns, let those that run end, hand back what is left.
  onRelease("turns", async () => {
    await Promise.allSettled([consumer.pause(), stopReconciling()]);
    await runner.settle(Math.max(0, config.SHUTDOWN_GRACE_MS - HAND_BACK_MS));
    leases.handBackAll();
    await runner.settle(HAND_BACK_MS / 2);
  });
}
