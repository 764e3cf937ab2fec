import { TURN_QUEUE, TurnJob } from "@boocode/contracts";
import type { Redis } from "@boocode/runtime";
import { type Job, Worker } from "bullmq";
import type { TurnRunner } from "./run-turns.ts";

/**
 * Takes turns as the queue brings them. A job is only a wake-up: whether there is anything to do is decided by the claim in
 * Postgres, and a job that is lost, late or doubled changes nothing.
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
      // A job that nobody of us wrote is dropped: throwing would only keep it.
      if (parsed.success) await options.runner.take(parsed.data.turn_id);
    },
    {
      connection: options.connection,
      prefix: options.prefix,
      concurrency: options.capacity,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      // Losing a job's lock means nothing here (the lease in Postgres is the truth), so it is renewed seldom; but the jobs that
      // dead workers leave behind should not stay long.
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
