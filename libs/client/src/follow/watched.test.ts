import { expect, test } from "vitest";
import { createWatched } from "./watched.ts";

const end = new Error("over");
const create = (seen: number[] = []) =>
  createWatched(
    0,
    (value) => (value === 9 ? end : null),
    (value) => seen.push(value),
  );

test("waits for a value that fits, the present one included", async () => {
  const watched = create();
  expect(await watched.until((value) => value === 0)).toBe(0);
  const waiting = watched.until((value) => value > 1);
  watched.set(1);
  watched.set(2);
  watched.set(3);
  expect(await waiting).toBe(2);
});

test("tells the last word to who still waits, and the abort's reason to who gives up", async () => {
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

test("the same value again is no change", () => {
  const seen: number[] = [];
  const watched = create(seen);
  watched.set(1);
  watched.set(1);
  expect(seen).toEqual([1]);
});
