import type { ShownFile } from "@boocode/contracts";
import { expect, test } from "vitest";
import { shownLines } from "../src/citations/shown-lines.ts";
import type { ToolOutcome } from "../src/ports.ts";
import { makeTree, startTools } from "./temp-tree.ts";

/** The lines of each file that an outcome proves to have shown. */
function proven({ output, evidence = [] }: ToolOutcome): Record<string, [number, string][]> {
  const all = [{ first: 0, last: Number.MAX_SAFE_INTEGER }];
  const lines = (path: string) => shownLines([{ content: output, evidence }], path, all);
  return Object.fromEntries(evidence.map(({ path }) => [path, lines(path)]));
}

const NUMBERED = Array.from({ length: 500 }, (_, index) => `line ${index + 1}`);

test("view_file proves the lines that it shows, and no others", async () => {
  const { root } = await makeTree({ "src/a.txt": `${NUMBERED.join("\r\n")}\r\n`, "src/empty.txt": "" });
  const call = await startTools(root);
  const range = await call("view_file", { path: "./src/../src/a.txt", start_line: 98, end_line: 101 });
  expect(range.evidence).toMatchObject([{ path: "src/a.txt", ranges: [{ first: 98, last: 101, at: 1, skip: 7 }] }]);
  expect(proven(range)).toEqual({ "src/a.txt": [98, 99, 100, 101].map((number) => [number, `line ${number}`]) });
  expect((await call("view_file", { path: "src/empty.txt" })).evidence).toEqual([
    { path: "src/empty.txt", ranges: [] },
  ]);
});

test("evidence has the place of the lines also below a note, and none has what a failed call says", async () => {
  const call = await startTools((await makeTree({ "a.txt": "one\ntwo\n" })).root);
  const noted = await call("functions.read_file", { file_path: "a.txt", limit: 1 });
  expect(noted.output).toMatch(/^\[/);
  expect(proven(noted)).toEqual({ "a.txt": [[1, "one"]] });
  expect((await call("view_file", { path: "a.txt", start_line: 9 })).evidence).toEqual([]);
});

test("the line break of a line is not counted with it", async () => {
  const line = "x".repeat(2_000);
  const { root } = await makeTree({ "a.txt": `${line}\r\n`, "b.txt": `\ufeff${line}\n`, "c.txt": `${line}y\n` });
  const call = await startTools(root);
  for (const path of ["a.txt", "b.txt"]) {
    expect(proven(await call("view_file", { path }))).toEqual({ [path]: [[1, line]] });
  }
  expect(proven(await call("view_file", { path: "c.txt" }))).toEqual({ "c.txt": [] });
});

test("a line that is cut, and lines for which there was no room, are not evidence", async () => {
  const long = "x".repeat(5_000);
  const { root } = await makeTree({ "a.txt": `one\n${long}\nthree\n`, "b.txt": NUMBERED.join("\n") });
  const call = await startTools(root, { limits: { outputBytes: 3_000 } });
  const cut = await call("view_file", { path: "a.txt" });
  expect(proven(cut)["a.txt"]?.map(([number]) => number)).toEqual([1, 3]);
  const full = await call("view_file", { path: "b.txt" });
  const lines = proven(full)["b.txt"] ?? [];
  expect(full.result.truncated).toBe(true);
  expect(full.output).toContain(`\n${String(lines.length).padStart(6)}\tline ${lines.length}\n[cut`);
  expect(lines).toEqual(NUMBERED.slice(0, lines.length).map((text, index) => [index + 1, text]));
  const found = await call("grep", { pattern: "x|three", path: "a.txt" });
  expect(proven(found)).toEqual({ "a.txt": [[3, "three"]] });
});

test("grep proves matches and their context in each file", async () => {
  const { root } = await makeTree({
    "b/one.ts": "start\nneedle 1\nend\n",
    "a.ts": `${"\n".repeat(8)}needle: 9:\nneedle - 10-\n`,
    "latin.txt": Buffer.from("x\nneedle \xe9\n", "latin1"),
  });
  const call = await startTools(root);
  expect(proven(await call("grep", { pattern: "needle", context: 1 }))).toEqual({
    "a.ts": [
      [8, ""],
      [9, "needle: 9:"],
      [10, "needle - 10-"],
    ],
    "b/one.ts": [
      [1, "start"],
      [2, "needle 1"],
      [3, "end"],
    ],
    "latin.txt": [
      [1, "x"],
      [2, "needle é"],
    ],
  });
});

test("list_dir and find_files state each name that they show", async () => {
  const files = Object.fromEntries(NUMBERED.map((_, index) => [`folder/${"n".repeat(40)}${1000 + index}.txt`, ""]));
  const { root } = await makeTree({ ...files, "other.txt": "" });
  const call = await startTools(root, { limits: { outputBytes: 2_000 } });
  for (const [name, args] of [
    ["list_dir", { path: "folder" }],
    ["find_files", { glob: "folder/*.txt", max_results: 1_000 }],
  ] as const) {
    const { evidence = [], output } = await call(name, args);
    const names = Object.keys(files).filter((path) => output.includes(path.slice("folder/".length)));
    expect(evidence).toEqual(names.map((path) => ({ path, ranges: [] })));
    expect(names.length).toBeGreaterThan(3);
    expect(names.length).toBeLessThan(NUMBERED.length);
  }
});

test("evidence is bounded, and is worth nothing beside another output", async () => {
  const lines = Array.from({ length: 3_000 }, (_, index) => (index % 2 === 0 ? "needle" : "hay"));
  const { root } = await makeTree({ "a.txt": lines.join("\n") });
  const call = await startTools(root);
  const found = await call("grep", { pattern: "needle", max_results: 500 });
  expect(found.evidence?.[0]?.ranges).toHaveLength(500);
  expect(Buffer.byteLength(JSON.stringify(found.evidence))).toBeLessThanOrEqual(64 * 1024);
  expect(proven({ ...found, output: found.output.replaceAll("needle", "noodle") })).toEqual({ "a.txt": [] });
});

test("each line is taken from the newest output that shows it", async () => {
  const outputs = [
    ["one", "two"],
    ["1", "2", "3"],
  ];
  const showings = await Promise.all(
    outputs.map(async (lines) => {
      const call = await startTools((await makeTree({ "a.txt": lines.join("\n") })).root);
      const { output, evidence = [] } = await call("view_file", { path: "a.txt" });
      return { content: output, evidence: evidence as ShownFile[] };
    }),
  );
  expect(shownLines(showings, "a.txt", [{ first: 2, last: 9 }])).toEqual([
    [2, "two"],
    [3, "3"],
  ]);
  expect(shownLines(showings, "b.txt", [{ first: 2, last: 9 }])).toEqual([]);
});
