import { expect, test } from "vitest";
import { createWatched } from "./watched.ts";

const end = new Error("over");
const create = (seen: number[] = []) =>
  createWatched(
    0,
    (value) => (value === 9 ? end : null),
    (value) => seen.push(value),
  );

test("waits for a value that matches, including the current one", async () => {
  const watched = create();
  expect(await watched.until((value) => value === 0)).toBe(0);
  const waiting = watched.until((value) => value > 1);
  watched.set(1);
  watched.set(2);
  watched.set(3);
  expect(await waiting).toBe(2);
});

test("rejects waiting callers with the final error, and aborted ones with the abort's reason", async () => {
  const watched = create();
  const never = expect(watched.until(() => false)).rejects.toBe(end);
  const abort = new AbortController();
  const given = expect(watched.until(() => false, abort.signal)).rejects.toThrow("enough");
  abort.abort(new Error("enough"));
  await given;
  watched.set(9);
  await never;
  await expect(watched.until((value) => value === 1)).rejects.toBe(end);
  expect(await watched.until((value) => value === 9)).toBe(9);
});

test("an equal value is not a change", () => {
  const seen: number[] = [];
  const watched = create(seen);
  watched.set(1);
  watched.set(1);
  expect(seen).toEqual([1]);
});
