import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTree, startTools } from "./temp-tree.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`).join("\n");

test("the output has numbered lines and their total", async () => {
  const call = await startTools((await makeTree({ "a b.txt": "one\n\nthree" })).root);
  const { output, result } = await call("view_file", { path: "a b.txt" });
  expect(output).toBe("a b.txt (lines 1-3 of 3)\n     1\tone\n     2\t\n     3\tthree");
  expect(result).toMatchObject({ truncated: false, error: null });
});

test("without a range, 400 lines are shown with a note to continue, and the last page has no note", async () => {
  const call = await startTools((await makeTree({ "a.txt": numbers(450) })).root);
  const first = await call("view_file", { path: "a.txt" });
  expect(first.output).toMatch(/lines 1-400 of 450[\s\S]* 400\tline 400\n\[cut: continue with start_line=401\]$/);
  expect(first.result.truncated).toBe(true);
  const second = await call("view_file", { path: "a.txt", start_line: 401 });
  expect(second.output).toMatch(/lines 401-450 of 450[\s\S]*line 450$/);
  expect(second.result.truncated).toBe(false);
});

test("stopping at end_line is not a cut, unless end_line is over the limit", async () => {
  const call = await startTools((await makeTree({ "a.txt": numbers(3000) })).root, {
    limits: { outputBytes: 100_000 },
  });
  const some = await call("view_file", { path: "a.txt", start_line: 2, end_line: 3 });
  expect(some.output.split("\n")).toEqual([
    "a.txt (lines 2-3 of 3000)",
    "     2\tline 2",
    "     3\tline 3",
    "[more: continue with start_line=4]",
  ]);
  expect(some.result.truncated).toBe(false);
  const many = await call("view_file", { path: "a.txt", start_line: 1, end_line: 3000 });
  expect(many.output).toContain("[cut: continue with start_line=2001]");
  expect(many.result.truncated).toBe(true);
  expect((await call("view_file", { path: "a.txt", start_line: 3, end_line: 2 })).output).toMatch(/^invalid input/);
});

test("following the notes gives every line once", async () => {
  const call = await startTools((await makeTree({ "a.txt": numbers(900) })).root, { limits: { outputBytes: 1000 } });
  const seen: string[] = [];
  for (let start: number | null = 1; start !== null; ) {
    const { output } = await call("view_file", { path: "a.txt", start_line: start });
    seen.push(...output.split("\n").flatMap((line) => line.split("\t").slice(1)));
    const next: string | undefined = /start_line=(\d+)\]$/.exec(output)?.[1];
    start = next === undefined ? null : Number(next);
  }
  expect(seen.join("\n")).toBe(numbers(900));
});

test("a start_line beyond the end is rejected with the number of lines", async () => {
  const call = await startTools((await makeTree({ "a.txt": "one\ntwo\n" })).root);
  expect((await call("view_file", { path: "a.txt", start_line: 3 })).result.error).toBe(
    "start_line 3 is beyond the end: a.txt has 2 lines",
  );
});

test("an empty or binary file is reported as such", async () => {
  const files = { empty: "", "a.bin": Buffer.from([1, 0, 2]) };
  const call = await startTools((await makeTree(files)).root);
  expect((await call("view_file", { path: "empty" })).output).toBe("empty is empty");
  expect((await call("view_file", { path: "a.bin" })).output).toBe("a.bin: binary file, 3 bytes");
});

test("CRLF, a byte order mark and a few bytes that are not UTF-8 are handled", async () => {
  const text = Buffer.concat([Buffer.from("\uFEFFone\r\ntwo\r\ncaf"), Buffer.from([0xe9])]);
  const call = await startTools((await makeTree({ "a.txt": text })).root);
  expect((await call("view_file", { path: "a.txt" })).output).toBe(
    "a.txt (lines 1-3 of 3)\n     1\tone\n     2\ttwo\n     3\tcaf\uFFFD",
  );
});

test("a long line is cut between two characters and marked", async () => {
  const call = await startTools((await makeTree({ "a.txt": `x${"😀".repeat(1000)}\nnext\n` })).root);
  const { output, result } = await call("view_file", { path: "a.txt" });
  expect(output).toContain(`😀… [line cut: 4001 bytes in all; grep shows parts of it]\n     2\tnext`);
  expect(output).not.toContain("\uFFFD");
  expect(result.truncated).toBe(true);
});

test("a line longer than the whole output is shown in part", async () => {
  const call = await startTools((await makeTree({ "a.txt": `${"x".repeat(5000)}\nnext\n` })).root, {
    limits: { outputBytes: 1000 },
  });
  const { output, result } = await call("view_file", { path: "a.txt" });
  expect(output).toContain("xxx");
  expect(Buffer.byteLength(output)).toBeLessThanOrEqual(1000);
  expect(result.truncated).toBe(true);
});

test("the beginning of a file of 3 GB is shown, and memory use stays small", async () => {
  const { root } = await makeTree({ "huge.txt": `first\n${"x".repeat(9000)}\n` });
  await truncate(join(root, "huge.txt"), 3 * 2 ** 30);
  const call = await startTools(root, { limits: { timeoutMs: 60_000 } });
  const before = process.memoryUsage().rss;
  const { output } = await call("view_file", { path: "huge.txt", start_line: 1, end_line: 1 });
  expect(output).toBe("huge.txt (lines 1-1 of more than 2)\n     1\tfirst\n[more: continue with start_line=2]");
  // grep does not search a file this large, so the note does not suggest grep.
  const cut = await call("view_file", { path: "huge.txt", start_line: 2, end_line: 2 });
  expect(cut.output).toContain("… [line cut: 9000 bytes in all; the rest of it cannot be shown]");
  // The third line is 400 MB of NUL without a line break: it is read, but never held in memory.
  await truncate(join(root, "huge.txt"), 400 * 2 ** 20);
  await call("view_file", { path: "huge.txt", start_line: 3 });
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20);
});
