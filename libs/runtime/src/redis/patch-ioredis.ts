import type { Redis, RedisOptions } from "ioredis";

/**
 * The ready check of ioredis calls INFO. When the user may not, ioredis prints a warning on each connect and takes the server as
 * ready; an empty answer does the same without a warning. Duplicates, which BullMQ makes for blocking reads, are patched, too.
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
 * ioredis asks for a cluster's nodes over a duplicate of a node's connection, and drops its errors. In the answer to CLUSTER
 * SLOTS, an empty host means the node that was asked, as in a cluster of a single node; ioredis ignores such nodes.
 * https://redis.io/docs/latest/commands/cluster-slots/
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
