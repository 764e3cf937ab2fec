import { type Job, Worker } from "bullmq";
import { type Cluster, type Redis, ReplyError } from "ioredis";
import type { z } from "zod";

export interface QueueConsumer {
  /** Takes no more jobs. */
  pause(): Promise<void>;
  close(): Promise<void>;
}

/** Rejects when Redis refuses the blocking read with which a consumer waits for jobs. Takes no job. */
export async function checkWaiting(redis: Redis | Cluster, emptyKey: string): Promise<void> {
  await redis.bzpopmin(emptyKey, 0.001);
}

/** The pauses after error replies: the first, and the longest. Each is twice the one before. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [100, 2_000];

/**
 * Runs the jobs of a queue. A job is only a hint, so a malformed one is dropped, and one whose lock was lost does no harm.
 *
 * After an error reply of Redis (no permission, read-only, out of memory, wrong node …) BullMQ 6.7 asks again at once, without
 * end and without returning to the event loop. So each error reply pauses the consumer for a moment. While Redis is absent
 * BullMQ waits by itself.
 * @param options `connection`: one whose commands wait without a time-out. `onError` is called for each failure of the queue
 */
export function consumeQueue<T>(options: {
  name: string;
  job: z.ZodType<T>;
  connection: Redis | Cluster;
  prefix: string;
  concurrency: number;
  run(job: T): Promise<void>;
  onError(error: unknown): void;
}): QueueConsumer {
  const worker = new Worker(
    options.name,
    async ({ data }: Job) => {
      const parsed = options.job.safeParse(data);
      if (parsed.success) await options.run(parsed.data);
    },
    {
      connection: options.connection,
      prefix: options.prefix,
      concurrency: options.concurrency,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      // The lease in Postgres is the truth, so a lost job lock does no harm and a long lock duration saves renewals. The
      // jobs of dead workers should still disappear soon.
      lockDuration: 15_000,
      stalledInterval: 15_000,
      maxStalledCount: 1,
      // The version is asked for with INFO, which a Redis user may not be allowed to call.
      skipVersionCheck: true,
    },
  );
  let pauseMs = FIRST_PAUSE_MS;
  let resuming: NodeJS.Timeout | undefined;
  let stopped = false;
  worker.on("active", () => {
    pauseMs = FIRST_PAUSE_MS;
  });
  worker.on("error", (error) => {
    options.onError(error);
    if (!(error instanceof ReplyError) || resuming || stopped) return;
    void worker.pause(true);
    resuming = setTimeout(() => {
      resuming = undefined;
      void worker.resume();
    }, pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  });
  const stop = () => {
    stopped = true;
    clearTimeout(resuming);
  };
  return {
    pause: () => {
      stop();
      return worker.pause(true);
    },
    close: () => {
      stop();
      return worker.close(true);
    },
  };
}
