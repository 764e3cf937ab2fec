import { expect, test } from "vitest";
import { findCitations } from "./find-citations.ts";
import { TooMuchToCompare } from "./find-move.ts";
import { findQuotes } from "./find-quotes.ts";
import { judgeCitations } from "./judge-citations.ts";
import { resolveCitations } from "./resolve-citations.ts";

const FILE = [
  'import { open } from "node:fs";', // 1
  "",
  "/** Reads the settings. */",
  "export function readSettings(path: string) {", // 4
  "  const text = load(path);",
  "  return parse(text);", // 6
  "}",
  "",
  "export class Registry {", // 9
  "  register(name: string) {",
  "    this.names.add(name);", // 11
  "  }",
  "}",
  "const limit = 40;", // 14
];

/** Judges the only citation of an answer about `src/a.ts`, of which the model has read some lines. */
async function judge(answer: string, shown: [number, string][] = FILE.map((line, index) => [index + 1, line])) {
  const found = resolveCitations(findCitations(answer) ?? [], [], new Set(["src/a.ts"]));
  const quotes = findQuotes(answer, found);
  const cited = found.map(({ path, first, last }, index) => ({ path, first, last, quotes: quotes[index] as never }));
  const read = async (path: string) => (path === "src/a.ts" ? { lines: FILE, isWhole: true } : null);
  const [judged, ...others] = await judgeCitations(cited, { "src/a.ts": shown }, read);
  expect(others).toEqual([]);
  return judged;
}

test.each([
  ["`readSettings` is in src/a.ts:4", { level: "shown" }],
  ["`Registry.register` adds the name (src/a.ts:10-12)", { level: "shown" }],
  ["src/a.ts:5 has `const  text =\tload(path)`", { level: "shown" }],
  ["src/a.ts:5, altered: `const text = await load(path, 7)`", { level: "shown" }],
  ["nothing is quoted beside src/a.ts:5. And `readSettings` is in the next sentence", { level: "shown" }],
  ["`limit`不在这里。src/a.ts:5。`Registry`也不在。", { level: "shown" }],
  ["`limit`는 다른 곳에 있다. 이것은 src/a.ts:5에 있다. 그리고 `Registry`도", { level: "shown" }],
  ["`limit`在src/a.ts:5中。", { level: "moved", moved_to: { first: 14, last: 14 } }],
  ["what is quoted, `doesNotExist`, stands nowhere: src/a.ts:5", { level: "shown" }],
  ["a common word says nothing: `return` in src/a.ts:4", { level: "shown" }],
  ["`readSettings` is in src/a.ts:9", { level: "moved", moved_to: { first: 4, last: 4 } }],
  ["src/a.ts:9 has `const text = load(path)`", { level: "moved", moved_to: { first: 5, last: 5 } }],
  ["src/a.ts:9, altered: `const text = await load(path, 7)`", { level: "moved", moved_to: { first: 5, last: 5 } }],
  ["`Registry.register` is in src/a.ts:4", { level: "moved", moved_to: { first: 10, last: 10 } }],
  ["`readSettings` is in src/a.ts:400", { level: "moved", moved_to: { first: 4, last: 4 } }],
  ["`name` is in two places, not in src/a.ts:4", { level: "moved" }],
  [
    "In src/a.ts:14:\n```ts\nconst text = load(path);\nreturn parse(text);\n```",
    { level: "moved", moved_to: { first: 5, last: 6 } },
  ],
  ["In src/a.ts:5-6:\n```ts\nconst text = load(path);\nreturn parse(text);\n```", { level: "shown" }],
  ["In src/a.ts:7:\n```ts\n}\n\nexport class Registry {\n```", { level: "shown" }],
  [
    "In `readSettings`:\n```ts\nconst text = load(path);\n```\n\nAnd src/a.ts:14.",
    { level: "moved", moved_to: { first: 5, last: 5 } },
  ],
  ["src/a.ts:400", { level: "none" }],
  ["src/a.ts:14-15", { level: "none" }],
  ["src/a.ts:0", { level: "none" }],
  ["src/a.ts:9-4", { level: "none" }],
  ["src/b.ts:1", { level: "none" }],
])("%s", async (answer, expected) => {
  expect(await judge(answer)).toEqual(expected);
});

test("lines that the model has not read exist, and lines of which it has read a part do, too", async () => {
  expect(await judge("src/a.ts:4-6", [[4, FILE[3] as string]])).toEqual({ level: "exists" });
  expect(await judge("src/a.ts:4", [])).toEqual({ level: "exists" });
});

test("what the model has read is compared, not what the file has now, and stays shown when the file is gone", async () => {
  expect(await judge("`oldName` is in src/a.ts:4", [[4, "export function oldName() {"]])).toEqual({ level: "shown" });
  expect(await judge("`limit` is in src/a.ts:4-5", [[4, "const limit = 1;"]])).toEqual({ level: "exists" });
  const moved = await judge("`readSettings` is in src/a.ts:5", [[5, "// another line"]]);
  expect(moved).toEqual({ level: "moved", moved_to: { first: 4, last: 4 } });
  const cited = [{ path: "gone.ts", first: 1, last: 1, quotes: { names: [], code: [], blocks: [] } }];
  expect(await judgeCitations(cited, { "gone.ts": [[1, "x"]] }, async () => null)).toEqual([{ level: "shown" }]);
});

test("of two citations in a sentence, each has the quotes on both of its sides", async () => {
  const answer = "`readSettings` (src/a.ts:4) and `limit` (src/a.ts:14), not `limit` (src/a.ts:1)";
  const found = resolveCitations(findCitations(answer) ?? [], [], new Set(["src/a.ts"]));
  expect(findQuotes(answer, found).map(({ names }) => names)).toEqual([
    ["readSettings", "limit"],
    ["limit", "limit"],
    ["limit"],
  ]);
});

test("a block that one citation introduces says nothing about the next one", async () => {
  const answer = "In src/a.ts:5:\n```ts\nconst text = load(path);\n```\n\nThen src/a.ts:14.";
  const found = resolveCitations(findCitations(answer) ?? [], [], new Set(["src/a.ts"]));
  expect(findQuotes(answer, found).map(({ blocks }) => blocks.length)).toEqual([1, 0]);
});

test("a range as long as a number can be costs no more than the file, and too much to compare is refused", async () => {
  expect(await judge("src/a.ts:1-999999999")).toEqual({ level: "none" });
  const big = Array.from({ length: 40_000 }, (_, index) => `line ${index} ${"x".repeat(60)}`);
  const quotes = { names: Array.from({ length: 30 }, (_, index) => `name${index}`), code: [], blocks: [] };
  const judging = judgeCitations([{ path: "big", first: 1, last: 1, quotes }], {}, async () => ({
    lines: big,
    isWhole: true,
  }));
  await expect(judging).rejects.toThrow(TooMuchToCompare);
});
