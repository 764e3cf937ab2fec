import { createKeys, createPublisher } from "@boocode/frame-log";
import { findCaller, makeTicket } from "@boocode/identity";
import {
  connectPostgres,
  connectRedis,
  createFaultPoints,
  createLogger,
  createMetrics,
  listen,
  loadConfig,
  runService,
  type ServiceContext,
  untilRedisReady,
  within,
} from "@boocode/runtime";
import { createTurnQueue } from "@boocode/turn-queue";
import { createAnnounce } from "./announce.ts";
import { buildApp } from "./app.ts";
import { checkProjectPath } from "./check-project-path.ts";
import { Config } from "./config.ts";
import { fetchModels } from "./fetch-models.ts";

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
  await within(10_000, "Postgres", pool`select 1`);
  await untilRedisReady(redis, 10_000);
  const queue = createTurnQueue(redis, keys.queues);
  onRelease("queue", () => queue.close());

  const announce = createAnnounce({
    publisher: createPublisher(redis, keys),
    queue,
    redis,
    keys,
    onError: (err) => log.warn({ err }, "an announcement failed; it is found in the database"),
  });
  const metrics = createMetrics("api");
  const app = await buildApp(
    {
      pool,
      announce,
      fault: createFaultPoints(config.FAULT_POINTS),
      checkProjectPath: (path) => checkProjectPath(path, config.PROJECT_ROOTS),
      listModels: () =>
        fetchModels({
          baseUrl: config.LLAMA_SWAP_URL,
          apiKey: config.LLAMA_SWAP_API_KEY,
          defaultModel: config.DEFAULT_MODEL,
          timeoutMs: 5_000,
        }),
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
  onRelease("http", () => app.close());
}
