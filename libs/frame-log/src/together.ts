import type { Cluster, Redis } from "ioredis";

/** Calls `write` at the end of this tick of the event loop. What is sent to Redis in all these calls leaves together. */
export type Together = (write: () => void) => void;

/** One write to each connection, instead of one for each command: most of an append's cost is the system calls at both ends. */
export function createTogether(redis: Redis | Cluster): Together {
  let waiting: (() => void)[] = [];
  return (write) => {
    if (waiting.push(write) > 1) return;
    setImmediate(() => {
      const writes = waiting;
      waiting = [];
      // A connection that is not open has no stream, and its commands fail by themselves.
      const streams = ("nodes" in redis ? redis.nodes("master") : [redis]).flatMap(({ stream }) => stream ?? []);
      for (const stream of streams) stream.cork();
      for (const each of writes) each();
      for (const stream of streams) stream.uncork();
    });
  };
}
