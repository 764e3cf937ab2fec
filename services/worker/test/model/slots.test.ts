import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { testRedis } from "@boocode/backing-services/testing";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { positionInQueue } from "../../src/model/scheduling/queue-order.ts";
import { createSlots, type Slots } from "../../src/model/scheduling/slots.ts";

let server: Awaited<ReturnType<typeof testRedis>>;
let redis: Redis;
beforeAll(async () => {
  server = await testRedis();
  redis = connectRedis(server.url);
  await untilRedisReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const never = new AbortController().signal;
const one = { server: 1, model: null };

function away(): Redis {
  const redis = connectRedis("redis://127.0.0.1:1");
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** One worker's slots. Workers with the same prefix share their slots. */
function worker(prefix: string, connection: Redis = redis, leaseMs = 2_000): Slots {
  const slots = createSlots({
    redis: connection,
    keyOf: (server) => `${prefix}:{${server}}`,
    newTicket: randomUUID,
    leaseMs,
    onError: () => {},
  });
  onTestFinished(() => slots.stop());
  return slots;
}

/** Takes a slot in the background. */
function taking(
  slots: Slots,
  limits: { server: number | null; model: number | null },
  model = "m",
  signal = never,
  { user = "u", swaps = false } = {},
) {
  let waits = (_ahead: number) => {};
  const isWaiting = new Promise<number>((resolve) => {
    waits = resolve;
  });
  const slot = slots.take({ server: "s", user, model, limits, swaps }, signal, (ahead) => waits(ahead));
  return { slot, isWaiting };
}

describe("slots at a model server", () => {
  it("are shared by all workers, first come, first served", async () => {
    const prefix = randomUUID();
    const workers = [worker(prefix), worker(prefix)];
    const order: number[] = [];
    const holder = await taking(workers[0] as Slots, one).slot;
    const waiting: Promise<void>[] = [];
    for (let index = 0; index < 4; index++) {
      const asked = taking(workers[index % 2] as Slots, one);
      expect(await asked.isWaiting).toBe(index);
      waiting.push(
        asked.slot.then((free) => {
          order.push(index);
          free();
        }),
      );
    }
    holder();
    await Promise.all(waiting);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it("never exceed the limits, whatever the order of requests", async () => {
    const limits = fc.record({ server: fc.integer({ min: 1, max: 3 }), model: fc.integer({ min: 1, max: 2 }) });
    await fc.assert(
      fc.asyncProperty(
        limits,
        fc.array(fc.constantFrom("x", "y"), { minLength: 1, maxLength: 8 }),
        async (limit, models) => {
          const prefix = randomUUID();
          const workers = [worker(prefix), worker(prefix)];
          const held = { all: 0, x: 0, y: 0 };
          await Promise.all(
            models.map(async (model, index) => {
              const free = await taking(workers[index % 2] as Slots, limit, model).slot;
              held.all += 1;
              held[model as "x" | "y"] += 1;
              expect(held.all).toBeLessThanOrEqual(limit.server);
              expect(held[model as "x" | "y"]).toBeLessThanOrEqual(limit.model);
              await redis.ping();
              held.all -= 1;
              held[model as "x" | "y"] -= 1;
              free();
            }),
          );
          expect(held.all).toBe(0);
        },
      ),
      { numRuns: 15 },
    );
  });

  it.each([
    ["shared by all workers", () => redis],
    ["of one process while Redis is away", () => away()],
  ])("%s go to the user who holds fewest, then to the request that came first", async (_where, connection) => {
    const slots = worker(randomUUID(), connection());
    const limits = { server: 2, model: null };
    const of = (user: string) => taking(slots, limits, "m", never, { user });
    const held = [await of("a").slot, await of("a").slot];
    const order: string[] = [];
    for (const user of ["a", "a", "b", "b", "c"]) {
      const asked = of(user);
      await asked.isWaiting;
      void asked.slot.then((free) => {
        order.push(user);
        held.push(free);
      });
    }
    while (order.length < 5) {
      const before = order.length;
      held.shift()?.();
      await expect.poll(() => order.length, { timeout: 5_000 }).toBe(before + 1);
    }
    // First b, who holds nothing, although a came first. Then each slot that is freed leaves its user with nothing.
    expect(order).toEqual(["b", "a", "b", "a", "c"]);
    for (const free of held) free();
  });

  it("are first come, first served while a ticket without a user waits, as workers of an earlier version write it", async () => {
    const prefix = randomUUID();
    const slots = worker(prefix);
    const first = await taking(slots, one, "m", never, { user: "a" }).slot;
    const second = taking(slots, one, "m", never, { user: "a" });
    await second.isWaiting;
    const keys = ["holders", "line", "waiters", "models"].map((key) => `${prefix}:{s}:${key}`);
    const old = readFileSync(new URL("fixtures/slot-before-users.lua", import.meta.url), "utf8");
    const ask = (ticket: string) => redis.eval(old, 4, ...keys, "take", ticket, "m", 1, 0, 2_000, 3_000);
    expect(await ask("11111111")).toBe(2);
    const third = taking(slots, one, "m", never, { user: "b" });
    expect(await third.isWaiting).toBe(2);
    first();
    const free = await second.slot;
    expect(await redis.zcard(keys[0] as string)).toBe(1);
    free();
    await expect.poll(() => ask("11111111")).toBe(0);
    expect(await redis.zcard(keys[0] as string)).toBe(1);
    await redis.eval(old, 4, ...keys, "free", "11111111", "m", 1, 0, 2_000, 3_000);
    (await third.slot)();
  });

  it("go to the loaded model first where a server loads one at a time", async () => {
    const prefix = randomUUID();
    const workers = [worker(prefix), worker(prefix)];
    const order: string[] = [];
    const ask = (model: string, at: number) =>
      taking(workers[at % 2] as Slots, { server: 2, model: null }, model, never, {
        user: `${model}${at}`,
        swaps: true,
      });
    const first = await ask("x", 0).slot;
    const waiting: Promise<void>[] = [];
    // A slot is free, but y would make the server drop x.
    const y = ask("y", 1);
    await y.isWaiting;
    const use = (model: string, { slot }: { slot: Promise<() => void> }) =>
      slot.then((free) => {
        order.push(model);
        free();
      });
    waiting.push(use("y", y));
    for (const at of [2, 3]) waiting.push(use("x", ask("x", at)));
    await expect.poll(() => order.length).toBe(2);
    first();
    await Promise.all(waiting);
    expect(order).toEqual(["x", "x", "y"]);
  });

  it("are decided alike by the script and by the process", async () => {
    const request = fc.record({ user: fc.constantFrom("a", "b", "c"), model: fc.constantFrom("x", "y") });
    const limit = fc.option(fc.integer({ min: 1, max: 4 }), { nil: null });
    const script = readFileSync(new URL("../../src/model/scheduling/slot.lua", import.meta.url), "utf8");
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { maxLength: 4 }),
        fc.array(request, { minLength: 1, maxLength: 8 }),
        fc.record({ server: limit, model: limit }),
        fc.boolean(),
        async (holders, line, limits, swaps) => {
          const prefix = `${randomUUID()}:{s}`;
          const keys = ["holders", "line", "waiters", "models", "loaded"].map((key) => `${prefix}:${key}`);
          const [server, model] = [limits.server ?? 0, limits.model ?? 0];
          const run = (verb: string, ticket: string, of: { model: string }, least: number) =>
            redis.eval(
              script,
              5,
              ...keys,
              verb,
              ticket,
              of.model,
              server,
              least,
              9_000,
              9_000,
              swaps ? 30_000 : 0,
              1_000,
            );
          for (const [at, one] of holders.entries()) await run("keep", `${one.user}/held${at}`, one, model);
          // Written as they wait, because asking would give slots to those who come first.
          for (const [at, one] of line.entries()) {
            await redis.zadd(keys[1] as string, at + 1, `${one.user}/${at}`);
            await redis.zadd(keys[2] as string, Date.now() + 60_000, `${one.user}/${at}`);
            await redis.hset(keys[3] as string, `${one.user}/${at}`, one.model);
          }
          const at = line.length - 1;
          const last = line[at] as (typeof line)[number];
          const loaded =
            swaps && holders.length > 0 ? { model: holders.at(-1)?.model as string, since: 0, used: 0 } : null;
          const state = { holders, line: line.map((one) => ({ ...one, since: 0 })), loaded, now: 0 };
          expect(await run("take", `${last.user}/${at}`, last, model)).toBe(positionInQueue(state, at, limits, swaps));
          await redis.del(...keys);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are not blocked by a request that waits for another model", async () => {
    const prefix = randomUUID();
    const slots = worker(prefix);
    const limits = { server: 2, model: 1 };
    const first = await taking(slots, limits, "x").slot;
    const second = taking(slots, limits, "x");
    await second.isWaiting;
    const other = await taking(slots, limits, "y").slot;
    first();
    (await second.slot)();
    other();
  });

  it("are given up at once on a cancel, without a trace", async () => {
    const prefix = randomUUID();
    const slots = worker(prefix);
    const controller = new AbortController();
    const holder = await taking(slots, one).slot;
    const cancelled = taking(slots, one, "m", controller.signal);
    const behind = taking(slots, one);
    await Promise.all([cancelled.isWaiting, behind.isWaiting]);
    controller.abort(new Error("stop"));
    await expect(cancelled.slot).rejects.toThrow("stop");
    // A waiter that falls silent is removed only after seconds; a cancelled one leaves at once.
    await expect.poll(() => redis.zcard(`${prefix}:{s}:line`)).toBe(1);
    holder();
    (await behind.slot)();
    await expect.poll(() => redis.zcard(`${prefix}:{s}:line`)).toBe(0);
    await expect.poll(() => redis.hlen(`${prefix}:{s}:models`)).toBe(0);
  });

  it("are held while their holder lives, and become free one lease after its death", async () => {
    const prefix = randomUUID();
    const dying = worker(prefix, redis, 1_000);
    await taking(dying, one).slot;
    const living = worker(prefix, redis, 1_000);
    const waiting = taking(living, one);
    await waiting.isWaiting;
    let isFree = false;
    void waiting.slot.then(() => {
      isFree = true;
    });
    // The holder renews its lease several times.
    const endOfLease = async () => {
      const [ticket = ""] = await redis.zrange(`${prefix}:{s}:holders`, "0", "0");
      return Number(await redis.zscore(`${prefix}:{s}:holders`, ticket));
    };
    const first = await endOfLease();
    await expect.poll(endOfLease, { timeout: 10_000 }).toBeGreaterThan(first + 2_000);
    expect(isFree).toBe(false);
    await dying.stop();
    (await waiting.slot)();
  });

  it("are kept by running requests, even if Redis lost everything", async () => {
    const prefix = randomUUID();
    const slots = worker(prefix, redis, 1_000);
    const holder = await taking(slots, one).slot;
    await redis.del(...["holders", "line", "waiters", "models"].map((key) => `${prefix}:{s}:${key}`));
    await expect.poll(() => redis.zcard(`${prefix}:{s}:holders`)).toBe(1);
    holder();
  });

  it("are limited within the process while Redis is away, and no request fails", async () => {
    const slots = worker(randomUUID(), away());
    const both = [taking(slots, { server: 2, model: null }), taking(slots, { server: 2, model: null })];
    const [first] = await Promise.all(both.map(({ slot }) => slot));
    const third = taking(slots, { server: 2, model: null });
    await third.isWaiting;
    first?.();
    (await third.slot)();
  });

  it("cost nothing where there is no limit", async () => {
    (await taking(worker(randomUUID(), away()), { server: null, model: null }).slot)();
  });
});
