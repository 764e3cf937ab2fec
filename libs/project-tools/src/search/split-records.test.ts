import fc from "fast-check";
import { expect, test } from "vitest";
import { type SplitRecord, splitRecords } from "./split-records.ts";

async function split(chunks: string[], max: number) {
  async function* stream() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const records: SplitRecord[] = [];
  for await (const together of splitRecords(stream(), 10, max)) records.push(...together);
  return records.map(({ bytes, complete }) => [bytes.toString(), complete]);
}

test("the records do not depend on how the stream is divided into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.stringMatching(/^[ab\n]*$/)), async (chunks) => {
      const lines = chunks.join("").split("\n");
      if (lines.at(-1) === "") lines.pop();
      expect(await split(chunks, 1000)).toEqual(lines.map((line) => [line, true]));
    }),
  );
});

test("a long record is cut, and the next one is complete", async () => {
  expect(await split(["aaa", "aaa\nb", "b\n"], 4)).toEqual([
    ["aaaa", false],
    ["bb", true],
  ]);
});
