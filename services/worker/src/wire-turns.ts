import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createAnnounce } from "@boocode/announce";
import { checkPublishing, createFollower, createFrameAppender, createKeys, createPublisher } from "@boocode/frame-log";
import { readLimits } from "@boocode/limits";
import { createCatalog, modelServersOf, secretsOf, secretsOfProxies, useProxies } from "@boocode/model-servers";
import { createServicePool, toolOffers } from "@boocode/project-tools";
import {
  connectBackends,
  connectPostgres,
  connectRedisSubscriber,
  createLanes,
  keepSecret,
  NO_LANES,
  type ServiceContext,
  withConnectionFailure,
  withDeadline,
} from "@boocode/runtime";
import { checkDatabase, readShowings, renewLeases, saveDrafts } from "@boocode/store";
import { checkWaiting, createTurnQueue } from "@boocode/turn-queue";
import { checkCitations } from "./attempt/check-citations.ts";
import { createLeases } from "./attempt/leases.ts";
import { prepareTurn } from "./attempt/prepare-turn.ts";
import type { ProcessTurnDeps } from "./attempt/process-turn.ts";
import { createTurnStore } from "./attempt/turn-store.ts";
import { type Config, defaultToolProcesses, ownPaths } from "./config.ts";
import { createModelServers } from "./model/model-servers.ts";
import { createSlots } from "./model/scheduling/slots.ts";
import { createDraftSaver } from "./outputs/draft-saver.ts";

/** Turns of one user that are prepared. They start 20 a second, so that a burst of them leaves most of a core to others. */
const STARTS = { atOnce: 2, leastMs: 100, longestWaitMs: 1_000 };

/**
 * Wires what a turn needs, in a worker and in the process of an isolated turn alike: connections, leases, outputs, models
 * and tools.
 * @param redisTimeoutMs the longest wait for Redis; after it the start continues, because a turn can run without Redis
 */
export async function wireTurns(context: ServiceContext<Config>, redisTimeoutMs: number) {
  const { config, log, failpoint, logFailure, onRelease, dependencies } = context;
  const keys = createKeys(config.REDIS_PREFIX);
  // A separate connection: writes that wait for locks may occupy all the others, and that must not cost a turn its lease.
  const heartbeats = connectPostgres(config.DATABASE_URL, { name: "worker heartbeat", connections: 1 });
  onRelease("heartbeats", () => heartbeats.end({ timeout: 2 }));
  const hints = connectRedisSubscriber(config);
  onRelease("redis subscriber", () => hints.disconnect());
  const { pool, redis } = await connectBackends(context, { redisTimeoutMs, subscriber: hints });

  const queue = createTurnQueue(redis, keys.queues);
  onRelease("queue", () => queue.close());
  dependencies.add("postgres", () => checkDatabase(pool, { writes: true }));
  dependencies.add("redis", () =>
    withConnectionFailure(redis, () =>
      Promise.all([checkPublishing(redis, keys), queue.check(), checkWaiting(redis, keys.check)]),
    ),
  );
  const wake = (turnId: string) => void queue.wake(turnId, 1).catch(logFailure("waking a worker"));
  const appender = createFrameAppender(redis, keys, {
    entries: config.FRAME_LOG_ENTRIES,
    ttlMs: config.FRAME_LOG_TTL_MS,
    endedTtlMs: config.FRAME_LOG_ENDED_TTL_MS,
  });

  const leases = createLeases({
    leaseMs: config.LEASE_MS,
    heartbeatMs: config.HEARTBEAT_MS,
    marginMs: Math.min(1_000, config.LEASE_MS / 5),
    renew: (held) => withDeadline(config.HEARTBEAT_MS, "the heartbeat", renewLeases(heartbeats, held, config.LEASE_MS)),
    onError: logFailure("a heartbeat", "postgres"),
  });
  onRelease("leases", () => leases.stop());
  const drafts = createDraftSaver({
    intervalMs: config.DRAFT_INTERVAL_MS,
    save: (due) => withDeadline(3_000, "saving drafts", saveDrafts(pool, due)),
    onRefused: () => leases.renewNow(),
    onError: logFailure("saving drafts", "postgres"),
  });
  onRelease("drafts", () => drafts.stop());

  const servers = modelServersOf(config);
  useProxies(config);
  for (const secret of [...servers.flatMap(secretsOf), ...secretsOfProxies(config)]) keepSecret(secret);
  const slots = createSlots({
    redis,
    keyOf: keys.modelSlots,
    newTicket: randomUUID,
    leaseMs: config.MODEL_SLOT_LEASE_MS,
    onError: logFailure("claiming a slot at a model server"),
  });
  onRelease("slots", () => slots.stop());
  const models = createModelServers({
    servers,
    catalog: createCatalog({
      ...{ servers, timeoutMs: 3_000, ttlMs: 60_000, now: () => performance.now() },
      onAway: (server, err) => log.warn({ server, err }, "the model server lists no models"),
    }),
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
    log: (facts, message) => (facts.err === undefined ? log.debug(facts, message) : log.warn(facts, message)),
  });
  const own = ownPaths(config);
  const tools = createServicePool(config, {
    size: config.TOOL_PROCESSES ?? defaultToolProcesses(),
    program: fileURLToPath(new URL("tool-process/main.mjs", import.meta.url)),
    outputBytes: config.TOOL_OUTPUT_BYTES,
    waitMs: config.TOOL_WAIT_MS,
    ...{ own, log },
  });
  onRelease("tools", () => tools.stop());

  const announce = createAnnounce({
    publisher: createPublisher(redis, keys),
    queue,
    onError: logFailure("announcing a change"),
  });
  const limits = readLimits(config.USER_LIMITS);
  const turnDeps: ProcessTurnDeps = {
    leases,
    drafts,
    appender,
    storeUnder: createTurnStore(pool, failpoint),
    starts: createLanes(limits === null ? NO_LANES : STARTS),
    prepare: (turn, read) =>
      prepareTurn(
        {
          pool,
          folders: config,
          own,
          models,
          runToolIn: (project) => (call, signal, onWait) =>
            tools.run({ user: turn.owner_id, project, call }, signal, onWait),
          checkCitationsIn: (project) => (answer) =>
            checkCitations(
              {
                roots: [project.real, project.path],
                timeoutMs: config.CITATIONS_TIMEOUT_MS,
                showings: (names) => readShowings(pool, turn.session_id, names),
                judge: (work, signal) => tools.judge(work, { user: turn.owner_id, project }, signal),
                onError: logFailure("checking citations"),
              },
              answer,
            ),
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
        read,
      ),
    announce,
    wake,
    limits,
    turnTimeoutMs: config.TURN_TIMEOUT_MS,
    retryBudgetMs: config.MODEL_RETRY_BUDGET_MS,
    log,
  };

  const follower = createFollower(hints, {
    onMessage: (_channel, bytes) => {
      if (leases.holds(bytes)) leases.renewNow();
    },
    onGap: () => leases.renewNow(),
  });
  onRelease("follower", () => follower.stop());
  dependencies.add("hints", () => follower.check(keys.check));
  // A connection that is not ready yet subscribes as soon as it is.
  await follower.follow(keys.cancel).catch(logFailure("following cancels"));

  return { keys, pool, redis, queue, appender, models, leases, announce, turnDeps };
}
