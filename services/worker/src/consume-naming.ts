import type { Announce } from "@boocode/announce";
import { NAMING_QUEUE, NameSessionJob } from "@boocode/contracts";
import type { Failpoint, Redis } from "@boocode/runtime";
import { autoNameSession, type Pool, readForNaming } from "@boocode/store";
import { consumeQueue, type QueueConsumer } from "@boocode/turn-queue";
import type { ModelServers } from "./model/model-servers.ts";
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

async function askForTitle(deps: NameSessionDeps, { model, question, answer }: Exchange): Promise<string> {
  const request = namingRequest(await deps.models.resolve(model), question, answer);
  let text = "";
  for await (const event of deps.models.streamReply(request, AbortSignal.timeout(deps.timeoutMs))) {
    if (event.type === "reply") text = event.reply.content;
  }
  return text;
}

/** Runs naming jobs one at a time, so that they do not delay turns. */
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
    concurrency: 1,
    run: ({ session_id }) => nameSession(deps, session_id, onNamingFailed).catch(onNamingFailed),
    onError,
  });
}
