import type { Redis, RedisOptions } from "ioredis";

/**
 * The ready check of ioredis calls INFO, and prints a warning on each connect when the user may not. It then counts the server
 * as ready, and so does an answer that states nothing. The same holds for duplicates, which BullMQ makes for its blocking reads.
 */
export function tolerateInfo(redis: Redis): void {
  const info = redis.info.bind(redis) as (...args: unknown[]) => unknown;
  const tolerant = (...args: unknown[]) => {
    const done = args.at(-1);
    if (typeof done !== "function") return info(...args);
    return info(...args.slice(0, -1), (error: Error | null, text?: string) =>
      error?.message.includes("NOPERM") ? done(null, "") : done(error, text),
    );
  };
  const duplicate = redis.duplicate.bind(redis);
  const alike = (override?: Partial<RedisOptions>) => {
    const copy = duplicate(override);
    tolerateInfo(copy);
    return copy;
  };
  Object.assign(redis, { info: tolerant, duplicate: alike });
}

type Callback = (error: Error | null, reply?: unknown) => void;

/**
 * A cluster is asked for its nodes over a duplicate of a node's connection, whose errors ioredis drops. And CLUSTER SLOTS may
 * leave the host of a node open, as a single node does that has met no other: it is the one that was asked. ioredis ignores such
 * nodes. https://redis.io/docs/latest/commands/cluster-slots/
 * @param node of a cluster
 * @param fail called with the errors of these connections
 */
export function patchTopologyReads(node: Redis, fail: (error: Error) => void): void {
  const duplicate = node.duplicate.bind(node);
  node.duplicate = (override) => {
    const copy = duplicate(override);
    copy.on("error", fail);
    const ask = copy.cluster.bind(copy) as (...args: unknown[]) => unknown;
    const name = (part: unknown) => (Array.isArray(part) && !part[0] ? [node.options.host, ...part.slice(1)] : part);
    const answer = (subcommand: string, done: Callback) =>
      ask(subcommand, (error: Error | null, ranges?: unknown[][]) =>
        done(
          error,
          ranges?.map((range) => range.map(name)),
        ),
      );
    return Object.assign(copy, { cluster: answer });
  };
}
