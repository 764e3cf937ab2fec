import type { Announce } from "@boocode/announce";
import { NAMING_QUEUE, NameSessionJob } from "@boocode/contracts";
import type { Failpoint, Redis } from "@boocode/runtime";
import { autoNameSession, type Pool, readForNaming } from "@boocode/store";
import { consumeQueue, type QueueConsumer } from "@boocode/turn-queue";
import type { ModelServers } from "./model/model-servers.ts";
import { cleanName, namingRequest } from "./turn/session-name.ts";

export interface NameSessionDeps {
  pool: Pool;
  announce: Announce;
  models: Pick<ModelServers, "resolve" | "streamReply">;
  failpoint: Failpoint;
  /** The time limit for the model call that makes the name. */
  timeoutMs: number;
}

/** Lets the model name a session that has no name yet. If the model fails, the session stays without a name. */
async function nameSession(deps: NameSessionDeps, sessionId: string): Promise<void> {
  const exchange = await readForNaming(deps.pool, sessionId);
  if (!exchange) return;
  const request = namingRequest(await deps.models.resolve(exchange.model), exchange.question, exchange.answer);
  let text = "";
  for await (const event of deps.models.streamReply(request, AbortSignal.timeout(deps.timeoutMs))) {
    if (event.type === "reply") text = event.reply.content;
  }
  const name = cleanName(text);
  const change = name && (await autoNameSession(deps.pool, sessionId, name));
  if (!change) return;
  await deps.failpoint("after-auto-name");
  deps.announce(change.changes);
}

/** Runs naming jobs one at a time, so that they do not delay turns. */
export function consumeNaming(options: {
  connection: Redis;
  prefix: string;
  deps: NameSessionDeps;
  onError(error: unknown): void;
}): QueueConsumer {
  const { connection, prefix, deps, onError } = options;
  return consumeQueue({
    name: NAMING_QUEUE,
    job: NameSessionJob,
    connection,
    prefix,
    concurrency: 1,
    run: ({ session_id }) => nameSession(deps, session_id).catch(onError),
    onError,
  });
}
