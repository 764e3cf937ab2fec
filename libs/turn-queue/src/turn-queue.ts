import { NAMING_QUEUE, type NameSessionJob, TURN_QUEUE, type TurnJob } from "@boocode/contracts";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";

/** Wakes workers. A job is a hint: when it is lost, the turn is found in Postgres a second later. */
export interface TurnQueue {
  /**
   * @param liveTurnsOfUser turns of the same user that wait or run: whoever has many gets behind those who have few
   * @throws when Redis does not take the job in time; nothing is lost by that
   */
  wake(turnId: string, liveTurnsOfUser: number): Promise<void>;
  requestName(sessionId: string): Promise<void>;
  close(): Promise<void>;
}

/** BullMQ's lowest priority is 2^21; 0 would mean none and jump the line. */
const MAX_PRIORITY = 2_000_000;

/**
 * @param connection a connection that fails fast, owned by the caller
 * @param prefix stands before every key of the queues
 */
export function createTurnQueue(connection: Redis, prefix: string): TurnQueue {
  const options = {
    connection,
    prefix,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
  };
  const turns = new Queue<TurnJob>(TURN_QUEUE, options);
  const names = new Queue<NameSessionJob>(NAMING_QUEUE, options);
  // Errors of the connection also fail the command that met them, and that one tells its caller.
  for (const queue of [turns, names]) queue.on("error", () => {});
  return {
    async wake(turnId, liveTurnsOfUser) {
      // No job id of our own: BullMQ ignores an id that still exists without a word, which would strand the turn.
      await turns.add("turn", { turn_id: turnId }, { priority: Math.min(Math.max(1, liveTurnsOfUser), MAX_PRIORITY) });
    },
    async requestName(sessionId) {
      await names.add("name", { session_id: sessionId });
    },
    async close() {
      await Promise.allSettled([turns.close(), names.close()]);
    },
  };
}
