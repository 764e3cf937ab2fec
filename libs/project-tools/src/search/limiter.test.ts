import { expect, test } from "vitest";
import { createLimiter } from "./limiter.ts";

const never = new AbortController().signal;

test("released slots go to the waiters in the order of their requests", async () => {
  const limiter = createLimiter(1);
  const order: string[] = [];
  const first = await limiter.acquire(never);
  const second = limiter.acquire(never).then((release) => {
    order.push("second");
    return release;
  });
  const third = limiter.acquire(never).then(() => order.push("third"));
  expect(order).toEqual([]);
  first();
  first();
  const release = await second;
  expect(order).toEqual(["second"]);
  release();
  await third;
  expect(order).toEqual(["second", "third"]);
});

test("an aborted waiter gets no slot", async () => {
  const limiter = createLimiter(1);
  const release = await limiter.acquire(never);
  const controller = new AbortController();
  const waiting = limiter.acquire(controller.signal);
  controller.abort(new Error("gave up"));
  await expect(waiting).rejects.toThrow("gave up");
  release();
  await expect(limiter.acquire(never)).resolves.toBeTypeOf("function");
  await expect(limiter.acquire(controller.signal)).rejects.toThrow("gave up");
});
