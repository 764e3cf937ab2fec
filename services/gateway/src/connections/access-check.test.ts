import { expect, test } from "vitest";
import { createAccessCheck } from "./access-check.ts";

const now = new Date(5).toISOString();

test("a check goes on where the last one ended, and after a failure or without a connection it begins again", async () => {
  const marks: (string | null)[] = [];
  const checked: unknown[] = [];
  let isWatched = true;
  let fails = false;
  const check = createAccessCheck({
    isWatched: () => isWatched,
    async readEnded(since) {
      marks.push(since);
      return { mark: `m${marks.length}`, now, userIds: since === null ? null : ["ada"] };
    },
    async check(changed, at) {
      if (fails) throw new Error("away");
      checked.push([changed, at]);
    },
  });
  await check();
  await check();
  expect(checked).toEqual([
    [null, 5],
    [new Set(["ada"]), 5],
  ]);
  fails = true;
  await expect(check()).rejects.toThrow("away");
  fails = false;
  await check();
  isWatched = false;
  await check();
  isWatched = true;
  await check();
  expect(marks).toEqual([null, "m1", "m2", null, null]);
});
