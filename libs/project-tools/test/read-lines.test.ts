import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Line, readLines } from "../src/project/read-lines.ts";
import { makeTree } from "./temp-tree.ts";

const signal = new AbortController().signal;

test("the lines do not depend on where the chunks end", async () => {
  const path = join((await makeTree({})).root, "a.txt");
  const line = fc.tuple(fc.constantFrom("", "é", "ab\r", "\r"), fc.integer({ min: 0, max: 200_000 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 8 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      async (parts, end, from, most) => {
        const text = parts.map(([tail, count]) => "x".repeat(count) + tail).join("\n") + (end ? "\n" : "");
        await writeFile(path, text);
        const expected = text.split("\n");
        if (expected.at(-1) === "") expected.pop();
        const handle = await open(path);
        try {
          const seen: Line[] = [];
          const options = { from, maxLineBytes: 1_000_000, countBytes: Number.POSITIVE_INFINITY, signal };
          const result = await readLines(handle, options, (next) => seen.push(next) < most);
          expect(result).toEqual({ lines: expected.length, ended: true });
          expect(seen.map(({ bytes }) => bytes.toString())).toEqual(
            expected.slice(from - 1, from - 1 + most).map((whole) => whole.replace(/\r$/, "")),
          );
          expect(seen.map(({ number }) => number)).toEqual(seen.map((_, index) => from + index));
        } finally {
          await handle.close();
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("to count millions of empty lines takes less time than to search for each", async () => {
  const path = join((await makeTree({})).root, "a.txt");
  const text = Buffer.alloc(32 * 2 ** 20, "\n");
  await writeFile(path, text);
  const handle = await open(path);
  const options = { from: 1, maxLineBytes: 100, countBytes: Number.POSITIVE_INFINITY, signal };
  const before = process.cpuUsage();
  expect(await readLines(handle, options, () => false)).toEqual({ lines: text.length, ended: true });
  const counting = process.cpuUsage(before).user;
  await handle.close();
  const then = process.cpuUsage();
  for (let at = 0; at !== -1; ) at = text.indexOf(0x0a, at + 1);
  expect(counting).toBeLessThan(process.cpuUsage(then).user / 1.5);
});
