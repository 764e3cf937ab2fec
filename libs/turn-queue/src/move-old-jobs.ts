import { NAMING_QUEUE, NameSessionJob, TURN_QUEUE, TurnJob } from "@boocode/contracts";
import type { Cluster, Redis } from "ioredis";
import type { TurnQueue } from "./turn-queue.ts";

/** The keys of a queue in BullMQ besides those of its jobs. */
const FIXED = ["meta", "id", "events", "marker", "pc", "stalled", "completed", "failed", "limiter"] as const;

/** Jobs of one kind that are moved in one call. */
const BATCH = 500;

/**
 * Moves the jobs that wait in the queues of an earlier prefix to the present queues, and deletes the keys of a queue that no
 * worker uses any more. A job that a live worker of the earlier version holds stays. Each command has one key, because the old
 * queues are spread over the slots of a cluster. A job that is lost on the way is only a lost hint.
 * @returns the number of jobs moved
 */
export async function moveOldJobs(
  redis: Redis | Cluster,
  prefix: string,
  queue: Pick<TurnQueue, "wake" | "requestName">,
): Promise<number> {
  const moves = {
    [TURN_QUEUE]: async (data: unknown, priority: number) => {
      const job = TurnJob.safeParse(data);
      if (job.success) await queue.wake(job.data.turn_id, priority);
    },
    [NAMING_QUEUE]: async (data: unknown) => {
      const job = NameSessionJob.safeParse(data);
      if (job.success) await queue.requestName(job.data.session_id);
    },
  };
  let moved = 0;
  for (const [name, move] of Object.entries(moves)) {
    const key = (part: string) => `${prefix}:${name}:${part}`;
    // Popping gives each job to only one of the workers that move jobs.
    const ids = await Promise.all([
      redis.zpopmin(key("prioritized"), BATCH).then((pairs) => pairs.filter((_, index) => index % 2 === 0)),
      redis.zpopmin(key("delayed"), BATCH).then((pairs) => pairs.filter((_, index) => index % 2 === 0)),
      redis.lpop(key("wait"), BATCH).then((found) => found ?? []),
      redis.lpop(key("paused"), BATCH).then((found) => found ?? []),
    ]);
    let held = 0;
    for (const id of await redis.lrange(key("active"), 0, BATCH)) {
      if (await redis.exists(key(`${id}:lock`))) held += 1;
      else if (await redis.lrem(key("active"), 1, id)) ids.push([id]);
    }
    for (const id of ids.flat()) {
      const [data, priority] = await redis.hmget(key(id), "data", "priority");
      await redis.del(key(id));
      if (!data) continue;
      await move(parse(data), Number(priority) || 1);
      moved += 1;
    }
    // A live worker renews this key.
    if (held === 0 && !(await redis.exists(key("stalled-check")))) {
      await Promise.all(FIXED.map((part) => redis.del(key(part))));
    }
  }
  return moved;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
