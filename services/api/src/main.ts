import { fileURLToPath } from "node:url";
import { createAnnounce } from "@boocode/announce";
import { checkPublishing, createKeys, createPublisher } from "@boocode/frame-log";
import {
  createCallerCache,
  createCallerFinder,
  createRefusalCounter,
  createTokenUses,
  makeTicket,
  RENEW_MS,
} from "@boocode/identity";
import { createRates, createSignIns, readLimits } from "@boocode/limits";
import {
  createCatalog,
  mayUseNamed,
  modelServersOf,
  restricts,
  secretsOf,
  secretsOfProxies,
  useProxies,
} from "@boocode/model-servers";
import { createServicePool } from "@boocode/project-tools";
import {
  connectBackends,
  createLanes,
  createMetrics,
  every,
  keepSecret,
  NO_LANES,
  runService,
  type ServiceContext,
  serveHttp,
  withConnectionFailure,
} from "@boocode/runtime";
import { checkDatabase, readCredentials, recordAuditEvents, recordTokenUses } from "@boocode/store";
import { createTurnQueue } from "@boocode/turn-queue";
import { buildApp } from "./app.ts";
import { checkPaths } from "./check-paths.ts";
import { Config, ownPaths } from "./config.ts";
import { fetchModels } from "./fetch-models.ts";
import { createWaitReader } from "./held-wait.ts";
import { createProjectReader } from "./read-project.ts";
import { readShareSettings } from "./share-settings.ts";

/** How long open requests may take to be answered when the process stops. */
const CLOSE_TIMEOUT_MS = 3_000;

/** How long the API waits for Redis before it starts without. Almost no request needs it; readiness reports its absence. */
const REDIS_TIMEOUT_MS = 2_000;

/** The longest wait of a read until a process is free. */
const READ_WAIT_MS = 10_000;

/** Repeated refusals of this time share a row of the audit log. */
const AUDIT_FLUSH_MS = 60_000;

const USES_FLUSH_MS = 60_000;

/** Turns of one user that are queued. A third one at once waits for 100 ms, so that 20 a second leave most of two cores to others. */
const POSTS = { atOnce: 2, leastMs: 100, longestWaitMs: 2_000 };

/** Open files besides the clients' connections: connections to Postgres, Redis and model servers, the program's own files. */
const OWN_FILES = 200;

runService({ name: "api", config: Config, openFiles: (config) => config.MAX_HTTP_CONNECTIONS + OWN_FILES, start });

async function start(context: ServiceContext<Config>): Promise<void> {
  const { name, config, log, onRelease, dependencies } = context;
  const keys = createKeys(config.REDIS_PREFIX);
  const { pool, redis } = await connectBackends(context, { redisTimeoutMs: REDIS_TIMEOUT_MS });
  const queue = createTurnQueue(redis, keys.queues);
  onRelease("queue", () => queue.close());
  dependencies.add("postgres", () => checkDatabase(pool, { writes: true }));
  dependencies.add("redis", () =>
    withConnectionFailure(redis, () => Promise.all([checkPublishing(redis, keys), queue.check()])),
  );

  const announce = createAnnounce({
    publisher: createPublisher(redis, keys),
    queue,
    // Workers and gateways find the change in Postgres.
    onError: context.logFailure("announcing a change"),
  });
  const servers = modelServersOf(config);
  useProxies(config);
  for (const secret of [...servers.flatMap(secretsOf), ...secretsOfProxies(config)]) keepSecret(secret);
  const catalog = createCatalog({
    ...{ servers, timeoutMs: 5_000, ttlMs: 1_000, now: () => performance.now() },
    onAway: (server, err) => log.warn({ server, err }, "the model server lists no models"),
  });
  const metrics = createMetrics(name);
  const refusals = createRefusalCounter({ save: (events) => recordAuditEvents(pool, events), now: () => new Date() });
  const saveRefusals = every(() => AUDIT_FLUSH_MS, refusals.flush, context.logFailure("saving refusals", "postgres"));
  onRelease("refusals", () => saveRefusals().then(refusals.flush));
  const uses = createTokenUses({ save: (used) => recordTokenUses(pool, used), now: () => performance.now() });
  const saveUses = every(
    () => USES_FLUSH_MS,
    uses.flush,
    context.logFailure("saving when tokens were used", "postgres"),
  );
  onRelease("token uses", () => saveUses().then(uses.flush));
  const now = () => performance.now();
  const callers = createCallerCache({
    find: createCallerFinder(config, { pool, log }),
    read: (known) => readCredentials(pool, known),
    now,
  });
  onRelease(
    "callers",
    every(() => RENEW_MS, callers.renew, context.logFailure("proving the callers", "postgres")),
  );
  const limits = readLimits(config.USER_LIMITS);
  const rates = createRates({ redis, keyOf: keys.rate, now });
  const own = ownPaths(config);
  const reading = createServicePool(config, {
    ...{ size: config.READ_PROCESSES, waitMs: READ_WAIT_MS, outputBytes: 1_000, own, log },
    program: fileURLToPath(new URL("tool-process/main.mjs", import.meta.url)),
  });
  onRelease("reading", () => reading.stop());
  const paths = checkPaths(pool, config);
  const app = await buildApp(
    {
      pool,
      announce,
      failpoint: context.failpoint,
      ...paths,
      readProject: createProjectReader(reading, { ...paths, own }),
      listModels: (role) => fetchModels(catalog, config.DEFAULT_MODEL, role),
      mayUseModel: (model, role) => mayUseNamed(servers, catalog.read, model, role),
      restrictsModels: servers.some(restricts),
      readWait: createWaitReader(redis, keys),
      makeTicket: (caller) => makeTicket(redis, keys, caller),
      findCaller: uses.noting(callers.find),
      limits,
      shares: readShareSettings(config),
      rates,
      posts: createLanes(limits === null ? NO_LANES : POSTS),
      signIns: createSignIns({ rates, now, isOff: limits === null }),
      refused: refusals.refused,
    },
    {
      log,
      bodyLimit: config.BODY_LIMIT_BYTES,
      corsOrigins: config.CORS_ORIGINS,
      isTrustedProxy: config.TRUSTED_PROXIES,
      publicPages: config.PUBLIC_PAGES,
      maxConnections: config.MAX_HTTP_CONNECTIONS,
      readiness: dependencies.readiness,
      report: dependencies.report,
      metrics: () => metrics.metrics(),
    },
  );
  await app.ready();
  await serveHttp(context, app.server, async () => {
    // Node counts a connection that has sent no request as busy, which would delay the close until that connection's time-out.
    const force = setTimeout(() => app.server.closeAllConnections(), CLOSE_TIMEOUT_MS);
    await app.close();
    clearTimeout(force);
  });
}
