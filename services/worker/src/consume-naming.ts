import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Announce } from "@boocode/announce";
import { NAMING_QUEUE, NameSessionJob, type UsageEntry } from "@boocode/contracts";
import type { Failpoint, Redis } from "@boocode/runtime";
import { isTransient, type Naming, type NamingExchange, nameSession, type Pool, readForNaming } from "@boocode/store";
import { consumeQueue, type QueueConsumer } from "@boocode/turn-queue";
import { createUsageTally, type UsageTally } from "./attempt/usage-tally.ts";
import type { ModelServers } from "./model/model-servers.ts";
import { GaveWay } from "./model/scheduling/give-way.ts";
import { fixedSize, requestSize } from "./turn/measure.ts";
import type { ModelRequest } from "./turn/ports.ts";
import { cleanName, nameFromQuestion, namingRequest } from "./turn/session-name.ts";

export interface NameSessionDeps {
  pool: Pool;
  announce: Announce;
  models: Pick<ModelServers, "resolve" | "streamReply">;
  failpoint: Failpoint;
  /** The time limit for the model call that makes the name. */
  timeoutMs: number;
}

/** Lets the model name a session that has no name yet. Without a title of the model, the question's first words are the name. */
async function findName(deps: NameSessionDeps, sessionId: string, onFailed: (error: unknown) => void): Promise<void> {
  const exchange = await readForNaming(deps.pool, sessionId);
  if (!exchange) return;
  const tally = createUsageTally([]);
  const title = await askForTitle(deps, exchange, tally).catch((error: unknown) => onFailed(error));
  const usage = tally.sum().map((entry): UsageEntry => ({ ...entry, kind: "naming" }));
  const name = cleanName(title ?? "") ?? nameFromQuestion(exchange.question);
  const change = await save(deps.pool, { id: randomUUID(), sessionId, userId: exchange.userId, usage, name });
  if (!change) return;
  await deps.failpoint("after-auto-name");
  deps.announce(change.changes);
}

/** Pause before the retry of a request that gave way to a turn. */
const PAUSE_MS = 1_000;
const SAVE_TRIES = 10;
/** Most naming requests wait, and a waiting one costs this process little more than a timer. */
const CONCURRENCY = 20;

/** @returns "" when the request gave way to turns until its time-out */
async function askForTitle(
  deps: NameSessionDeps,
  { model, question, answer, userId, role }: NamingExchange,
  tally: UsageTally,
): Promise<string> {
  const bare = namingRequest(await deps.models.resolve(model, role), question, answer);
  tally.expect(requestSize(fixedSize(bare.system, bare.tools), bare.messages).most);
  const request: ModelRequest = { ...bare, userId, onUsed: (call) => tally.add(bare.model, call) };
  const signal = AbortSignal.timeout(deps.timeoutMs);
  while (!signal.aborted) {
    try {
      for await (const event of deps.models.streamReply(request, signal))
        if (event.type === "reply") return event.reply.content;
    } catch (error) {
      if (!(error instanceof GaveWay)) throw error;
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
  return "";
}

/** Writes usage and name, also after a short outage of the database. @throws the database's error after a longer one */
async function save(pool: Pool, naming: Naming) {
  for (let tries = 1; ; tries++) {
    try {
      return await nameSession(pool, naming);
    } catch (error) {
      if (!isTransient(error) || tries === SAVE_TRIES) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

/** Runs naming jobs side by side, so that none delays another; all of them give way to turns. */
export function consumeNaming(options: {
  connection: Redis;
  prefix: string;
  deps: NameSessionDeps;
  /** Called for each failure of the queue. */
  onError(error: unknown): void;
  onNamingFailed(error: unknown): void;
}): QueueConsumer {
  const { connection, prefix, deps, onError, onNamingFailed } = options;
  return consumeQueue({
    name: NAMING_QUEUE,
    job: NameSessionJob,
    connection,
    prefix,
    concurrency: CONCURRENCY,
    run: ({ session_id }) => findName(deps, session_id, onNamingFailed).catch(onNamingFailed),
    onError,
  });
}
