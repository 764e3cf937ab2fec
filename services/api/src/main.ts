import { createKeys, createPublisher } from "@boocode/frame-log";
import { findCaller, makeTicket } from "@boocode/identity";
import { createCatalog, modelServersOf } from "@boocode/model-servers";
import {
  connectPostgres,
  connectRedis,
  createFailpoints,
  createLogger,
  createMetrics,
  listen,
  loadConfig,
  runService,
  type ServiceContext,
  untilPostgresReady,
  untilRedisReady,
} from "@boocode/runtime";
import { createTurnQueue } from "@boocode/turn-queue";
import { createAnnounce } from "./announce.ts";
import { buildApp } from "./app.ts";
import { checkProjectPath } from "./check-project-path.ts";
import { Config } from "./config.ts";
import { fetchModels } from "./fetch-models.ts";

/** Requests that are under way when the process is asked to stop have so long to be answered. */
const CLOSE_PATIENCE_MS = 3_000;

/** Nothing that is asked here needs Redis; until it is there, readiness says so. */
const REDIS_PATIENCE_MS = 2_000;

runService(() => {
  const config = loadConfig(Config, process.env);
  const log = createLogger("api", config.LOG_LEVEL);
  return { log, graceMs: config.SHUTDOWN_GRACE_MS, start: (context) => start(config, context) };
});

async function start(config: Config, { log, onRelease }: ServiceContext): Promise<void> {
  const keys = createKeys(config.REDIS_PREFIX);
  const pool = connectPostgres(config.DATABASE_URL, { name: "api", connections: config.DATABASE_CONNECTIONS });
  onRelease("postgres", () => pool.end({ timeout: 2 }));
  const redis = connectRedis(config.REDIS_URL);
  onRelease("redis", () => redis.disconnect());
  const redisReady = untilRedisReady(redis, REDIS_PATIENCE_MS).catch((err: unknown) =>
    log.warn({ err }, "connecting to Redis failed and goes on"),
  );
  await Promise.all([untilPostgresReady(pool, 10_000), redisReady]);
  const queue = createTurnQueue(redis, keys.queues);
  onRelease("queue", () => queue.close());

  const announce = createAnnounce({
    publisher: createPublisher(redis, keys),
    queue,
    redis,
    keys,
    onError: (err) => log.warn({ err }, "an announcement failed; it is found in the database"),
  });
  const servers = modelServersOf(config);
  const catalog = createCatalog({ servers, timeoutMs: 5_000, ttlMs: 1_000, now: () => performance.now() });
  const metrics = createMetrics("api");
  const app = await buildApp(
    {
      pool,
      announce,
      failpoint: createFailpoints(config.FAULT_POINTS),
      checkProjectPath: (path) => checkProjectPath(path, config.PROJECT_ROOTS),
      listModels: () => fetchModels(catalog, config.DEFAULT_MODEL),
      makeTicket: (caller) => makeTicket(redis, keys, caller),
      findCaller: (token) => findCaller(pool, token),
    },
    {
      log,
      bodyLimit: config.BODY_LIMIT_BYTES,
      corsOrigins: config.CORS_ORIGINS,
      checks: { postgres: () => pool`select 1`, redis: () => redis.ping() },
      metrics: () => metrics.metrics(),
    },
  );
  await app.ready();
  log.info({ url: await listen(app.server, config.HOST, config.PORT) }, "listening");
  onRelease("http", async () => {
    // A connection that has not sent a request yet counts as busy, and would hold the close until its own time limit.
    const force = setTimeout(() => app.server.closeAllConnections(), CLOSE_PATIENCE_MS);
    await app.close();
    clearTimeout(force);
  });
}
