import { createAnnounce } from "@boocode/announce";
import { createKeys, createPublisher } from "@boocode/frame-log";
import { findCaller, makeTicket } from "@boocode/identity";
import { createCatalog, modelServersOf } from "@boocode/model-servers";
import { connectBackends, createMetrics, runService, type ServiceContext, serveHttp } from "@boocode/runtime";
import { createTurnQueue } from "@boocode/turn-queue";
import { buildApp } from "./app.ts";
import { checkProjectPath } from "./check-project-path.ts";
import { Config } from "./config.ts";
import { fetchModels } from "./fetch-models.ts";

/** Requests that are under way when the process is asked to stop have so long to be answered. */
const CLOSE_PATIENCE_MS = 3_000;

/** No request needs Redis. */
const REDIS_TIMEOUT_MS = 2_000;

runService({ name: "api", config: Config, start });

async function start(context: ServiceContext<Config>): Promise<void> {
  const { name, config, log, onRelease } = context;
  const keys = createKeys(config.REDIS_PREFIX);
  const { pool, redis, checks } = await connectBackends(context, { redisTimeoutMs: REDIS_TIMEOUT_MS });
  const queue = createTurnQueue(redis, keys.queues);
  onRelease("queue", () => queue.close());

  const announce = createAnnounce({
    publisher: createPublisher(redis, keys),
    queue,
    onError: (err) => log.warn({ err }, "announcing a change failed; workers and gateways find it in Postgres"),
  });
  const servers = modelServersOf(config);
  const catalog = createCatalog({ servers, timeoutMs: 5_000, ttlMs: 1_000, now: () => performance.now() });
  const metrics = createMetrics(name);
  const app = await buildApp(
    {
      pool,
      announce,
      failpoint: context.failpoint,
      checkProjectPath: (path) => checkProjectPath(path, config.PROJECT_ROOTS),
      listModels: () => fetchModels(catalog, config.DEFAULT_MODEL),
      makeTicket: (caller) => makeTicket(redis, keys, caller),
      findCaller: (token) => findCaller(pool, token),
    },
    {
      log,
      bodyLimit: config.BODY_LIMIT_BYTES,
      corsOrigins: config.CORS_ORIGINS,
      checks,
      metrics: () => metrics.metrics(),
    },
  );
  await app.ready();
  await serveHttp(context, app.server, async () => {
    // A connection that has not sent a request yet counts as busy, and would hold the close until its own time limit.
    const force = setTimeout(() => app.server.closeAllConnections(), CLOSE_PATIENCE_MS);
    await app.close();
    clearTimeout(force);
  });
}
