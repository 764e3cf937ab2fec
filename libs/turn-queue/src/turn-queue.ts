import { NAMING_QUEUE, type NameSessionJob, TURN_QUEUE, type TurnJob } from "@boocode/contracts";
import { Queue } from "bullmq";
import type { Cluster, Redis } from "ioredis";

/** Wakes workers. A job is only a hint: if it is lost, a reconciler finds the turn in Postgres about a second later. */
export interface TurnQueue {
  /**
   * @param liveTurnsOfUser the number of the user's waiting and running turns. Users with fewer live turns go first.
   * @throws when Redis does not accept the job in time. The turn is not lost.
   */
  wake(turnId: string, liveTurnsOfUser: number): Promise<void>;
  requestName(sessionId: string): Promise<void>;
  /** Rejects when Redis does not take the queue's commands. Wakes nobody. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** BullMQ's lowest priority is 2^21. Priority 0 means none, and would go before all others. */
const MAX_PRIORITY = 2_000_000;

/**
 * @param connection a connection that fails fast; the caller closes it
 * @param prefix the prefix of all keys of the queues
 */
export function createTurnQueue(connection: Redis | Cluster, prefix: string): TurnQueue {
  const options = {
    connection,
    prefix,
    // See `consumeQueue`.
    skipVersionCheck: true,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
  };
  const turns = new Queue<TurnJob>(TURN_QUEUE, options);
  const names = new Queue<NameSessionJob>(NAMING_QUEUE, options);
  // These errors can be ignored: a connection error also rejects the command that it interrupts, so the caller learns of it.
  for (const queue of [turns, names]) queue.on("error", () => {});
  return {
    async wake(turnId, liveTurnsOfUser) {
      // No job id of our own: BullMQ silently ignores a job whose id still exists, which would strand the turn.
      await turns.add("turn", { turn_id: turnId }, { priority: Math.min(Math.max(1, liveTurnsOfUser), MAX_PRIORITY) });
    },
    async requestName(sessionId) {
      await names.add("name", { session_id: sessionId });
    },
    async check() {
      await turns.count();
    },
    async close() {
      await Promise.allSettled([turns.close(), names.close()]);
    },
  };
}
