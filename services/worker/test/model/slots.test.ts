import { randomUUID } from "node:crypto";
import { testRedis } from "@boocode/backing-services/testing";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
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
function taking(slots: Slots, limits: { server: number | null; model: number | null }, model = "m", signal = never) {
  let waits = () => {};
  const isWaiting = new Promise<void>((resolve) => {
    waits = resolve;
  });
  const slot = slots.take({ server: "s", model, limits }, signal, waits);
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
      await asked.isWaiting;
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
    const away = connectRedis("redis://127.0.0.1:1");
    onTestFinished(() => away.disconnect());
    const slots = worker(randomUUID(), away);
    const both = [taking(slots, { server: 2, model: null }), taking(slots, { server: 2, model: null })];
    const [first] = await Promise.all(both.map(({ slot }) => slot));
    const third = taking(slots, { server: 2, model: null });
    await third.isWaiting;
    first?.();
    (await third.slot)();
  });

  it("cost nothing where there is no limit", async () => {
    const away = connectRedis("redis://127.0.0.1:1");
    onTestFinished(() => away.disconnect());
    (await taking(worker(randomUUID(), away), { server: null, model: null }).slot)();
  });
});
