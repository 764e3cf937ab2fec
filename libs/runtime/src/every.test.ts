import { expect, test } from "vitest";
import { every } from "./every.ts";

/** Resolves when `act` has begun for the n-th time. */
function counted(act: (n: number) => Promise<void>) {
  let begun = 0;
  const waiting = new Map<number, () => void>();
  return {
    begun: () => begun,
    run: async () => {
      begun += 1;
      waiting.get(begun)?.();
      await act(begun);
    },
    nth: (n: number) => new Promise<void>((resolve) => void waiting.set(n, resolve)),
  };
}

test("runs never overlap, however long one takes", async () => {
  let inside = 0;
  let most = 0;
  const job = counted(async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside -= 1;
  });
  const third = job.nth(3);
  const stop = every(
    () => 1,
    job.run,
    () => {},
  );
  await third;
  await stop();
  expect([most, inside]).toEqual([1, 0]);
});

test("a failed run is reported and does not stop the loop", async () => {
  const errors: unknown[] = [];
  const job = counted((n) => (n === 1 ? Promise.reject(new Error("first")) : Promise.resolve()));
  const second = job.nth(2);
  const stop = every(
    () => 1,
    job.run,
    (error) => errors.push(error),
  );
  await second;
  await stop();
  expect(errors).toEqual([new Error("first")]);
});

test("stopping waits for the run in progress, and no other run follows", async () => {
  let finish = () => {};
  const job = counted(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  const first = job.nth(1);
  const stop = every(
    () => 1,
    job.run,
    () => {},
  );
  await first;
  let stopped = false;
  const stopping = stop().then(() => {
    stopped = true;
  });
  await new Promise(setImmediate);
  expect(stopped).toBe(false);
  finish();
  await stopping;
  expect(job.begun()).toBe(1);
});

test("stopping during a pause ends it at once, without a run", async () => {
  const job = counted(async () => {});
  const stop = every(
    () => 3_600_000,
    job.run,
    () => {},
  );
  await stop();
  expect(job.begun()).toBe(0);
});
