import { expect, test } from "vitest";
import { DeadlineExceeded, withDeadline } from "./with-deadline.ts";

test("a value or an error that arrives in time is passed through", async () => {
  expect(await withDeadline(1_000, "it", Promise.resolve(7))).toBe(7);
  await expect(withDeadline(1_000, "it", Promise.reject(new TypeError("no")))).rejects.toThrow(TypeError);
});

test("the error of an exceeded deadline names the operation and the time", async () => {
  const late = withDeadline(5, "the query", new Promise(() => {}));
  await expect(late).rejects.toThrow(DeadlineExceeded);
  await expect(late).rejects.toThrow("the query took longer than 5 ms");
});

test("an error after the deadline is ignored", async () => {
  const unhandled: unknown[] = [];
  const record = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", record);
  let fail = (_error: Error) => {};
  const slow = new Promise((_, reject) => {
    fail = reject;
  });
  await expect(withDeadline(1, "it", slow)).rejects.toThrow(DeadlineExceeded);
  fail(new Error("late"));
  await new Promise(setImmediate);
  process.off("unhandledRejection", record);
  expect(unhandled).toEqual([]);
});

test("no timer remains once the answer has arrived", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  await withDeadline(60_000, "it", Promise.resolve());
  expect(timers()).toBe(before);
});
