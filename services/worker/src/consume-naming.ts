import { setTimeout as sleep } from "node:timers/promises";
import type { Announce } from "@boocode/announce";
import { NAMING_QUEUE, NameSessionJob } from "@boocode/contracts";
import type { Failpoint, Redis } from "@boocode/runtime";
import { autoNameSession, type Pool, readForNaming } from "@boocode/store";
import { consumeQueue, type QueueConsumer } from "@boocode/turn-queue";
import type { ModelServers } from "./model/model-servers.ts";
import { GaveWay } from "./model/scheduling/give-way.ts";
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
async function nameSession(
  deps: NameSessionDeps,
  sessionId: string,
  onFailed: (error: unknown) => void,
): Promise<void> {
  const exchange = await readForNaming(deps.pool, sessionId);
  if (!exchange) return;
  const title = await askForTitle(deps, exchange).catch((error: unknown) => onFailed(error));
  const name = cleanName(title ?? "") ?? nameFromQuestion(exchange.question);
  const change = name && (await autoNameSession(deps.pool, sessionId, name));
  if (!change) return;
  await deps.failpoint("after-auto-name");
  deps.announce(change.changes);
}

type Exchange = NonNullable<Awaited<ReturnType<typeof readForNaming>>>;

/** Pause before the retry of a request that gave way to a turn. */
const PAUSE_MS = 1_000;
/** Most naming requests wait, and a waiting one costs this process little more than a timer. */
const CONCURRENCY = 20;

/** @returns "" when the request gave way to turns until its time-out */
async function askForTitle(deps: NameSessionDeps, { model, question, answer }: Exchange): Promise<string> {
  const request = namingRequest(await deps.models.resolve(model), question, answer);
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
    run: ({ session_id }) => nameSession(deps, session_id, onNamingFailed).catch(onNamingFailed),
    onError,
  });
}
