import { TURN_QUEUE, TurnJob } from "@boocode/contracts";
import type { Redis } from "@boocode/runtime";
import { consumeQueue, type QueueConsumer } from "@boocode/turn-queue";
import type { TurnRunner } from "./turn-runner.ts";

/**
 * Claims turns as the queue delivers their wake-ups. The claim in Postgres decides whether there is anything to do, so a
 * wake-up that is lost, late or duplicated does no harm.
 */
export function consumeTurns(options: {
  connection: Redis;
  prefix: string;
  runner: TurnRunner;
  onError(error: unknown): void;
}): QueueConsumer {
  const { connection, prefix, runner, onError } = options;
  return consumeQueue({
    name: TURN_QUEUE,
    job: TurnJob,
    connection,
    prefix,
    // A job is done once its claim has begun. With a higher concurrency BullMQ asks for another job before it runs one.
    concurrency: 1,
    run: ({ turn_id }) => runner.run(turn_id),
    onError,
  });
}
