import { TURN_QUEUE, TurnJob } from "@boocode/contracts";
import type { Redis } from "@boocode/runtime";
import { type Job, Worker } from "bullmq";
import type { TurnRunner } from "./turn-runner.ts";

/**
 * Claims turns as the queue delivers their wake-ups. The claim in Postgres decides whether there is anything to do, so a
 * wake-up that is lost, late or duplicated does no harm.
 */
export function consumeTurns(options: {
  connection: Redis;
  prefix: string;
  capacity: number;
  runner: TurnRunner;
  onError(error: unknown): void;
}): { pause(): Promise<void>; close(): Promise<void> } {
  const worker = new Worker(
    TURN_QUEUE,
    async (job: Job) => {
      const parsed = TurnJob.safeParse(job.data);
      // A malformed job is dropped; throwing would only keep it in the queue.
      if (parsed.success) await options.runner.run(parsed.data.turn_id);
    },
    {
      connection: options.connection,
      prefix: options.prefix,
      concurrency: options.capacity,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      // The lease in Postgres decides, so a lost job lock does no harm, and a long lock duration saves renewals. It is not
      // longer, because the jobs of dead workers should disappear soon.
      lockDuration: 15_000,
      stalledInterval: 15_000,
      maxStalledCount: 1,
    },
  );
  worker.on("error", options.onError);
  return {
    pause: () => worker.pause(true),
    close: () => worker.close(true),
  };
}
