import type { Announce } from "@boocode/announce";
import { NAMING_QUEUE, NameSessionJob } from "@boocode/contracts";
import type { Failpoint, Redis } from "@boocode/runtime";
import { autoNameSession, type Pool, readForNaming } from "@boocode/store";
import { type Job, Worker } from "bullmq";
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
}): { close(): Promise<void> } {
  const worker = new Worker(
    NAMING_QUEUE,
    async (job: Job) => {
      const parsed = NameSessionJob.safeParse(job.data);
      if (!parsed.success) return;
      await nameSession(options.deps, parsed.data.session_id).catch(options.onError);
    },
    {
      connection: options.connection,
      prefix: options.prefix,
      concurrency: 1,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  worker.on("error", options.onError);
  return { close: () => worker.close(true) };
}
