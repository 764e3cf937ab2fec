import { join } from "node:path";
import { repositoryRoot } from "@boocode/backing-services";
import { type Checker, createChecker, pickFiles } from "../citations/check-answers.ts";
import { type Case, generate, readTree, type SourceFile } from "../citations/corpus.ts";
import { createRandom, type Random } from "../citations/random.ts";
import type { Lab } from "../lab.ts";
import { median } from "../report/statistics.ts";

const SEED = 1;
const TREES = [".", ...["fastify", "zod", "undici", "typescript/lib"].map((name) => `node_modules/${name}`)];
/** Of one answer: files of which the model has read a part, and statements. */
const FILES = 24;
const STATEMENTS = 20;
/** Of one costly answer. */
const COSTLY = { citations: 500, files: 40 };
/** In the first rounds the code is not compiled yet. */
const WARM_UP = 5;

type Tree = { files: SourceFile[] } & Awaited<ReturnType<Checker["open"]>>;

/**
 * How often the levels of citations are right, in generated answers about real trees: right citations with and without quotes, wrong ones with
 * a quote of other lines, and hostile ones; and what the check of an answer with many citations costs.
 */
export async function citations({ options, table, record }: Lab): Promise<void> {
  const checker = createChecker();
  const random = createRandom(SEED);
  const trees: Tree[] = [];
  try {
    for (const name of options.smoke ? TREES.slice(1, 3) : TREES) {
      const path = join(repositoryRoot, name);
      trees.push({ ...(await checker.open(path)), files: readTree(path) });
    }
    const levels = await countLevels(checker, random, trees, options.smoke ? 4 : 300);
    for (const row of levels) record("citations", row);
    table("citations: levels by kind of statement", levels);
    const { wrong, missed, right, lost } = sum(levels);
    table("citations: how often the levels are right", [
      { what: "right ones with `moved`, `none` or not found", count: lost, of: right },
      { what: "wrong ones, with a quote beside them, that are not `shown`", count: wrong - missed, of: wrong },
    ]);
    table(`citations: an answer with ${COSTLY.citations} of them`, [
      await measureCost(checker, random, trees[0] as Tree, options.smoke ? 1 : 20),
    ]);
  } finally {
    await checker.stop();
    for (const { close } of trees) await close();
  }
}

const LEVELS = ["shown", "exists", "moved", "none", "not found"] as const;
type Row = { truth: Case["truth"]; kind: string } & Record<(typeof LEVELS)[number], number>;

async function countLevels(checker: Checker, random: Random, trees: readonly Tree[], answers: number): Promise<Row[]> {
  const rows = new Map<string, Row>();
  for (let index = 0; index < answers; index++) {
    const { folder, files } = trees[index % trees.length] as Tree;
    const { shown, showings } = await checker.show(random, folder, pickFiles(random, files, FILES));
    const statements = makeStatements(random, files, shown, STATEMENTS);
    let answer = "";
    const places = statements.map(({ text, cited }) => {
      answer += "\n\n";
      const start = answer.length + text.indexOf(cited);
      answer += text;
      return { start, end: start + cited.length };
    });
    const found = await checker.check(folder, showings, answer);
    for (const [at, { kind, truth }] of statements.entries()) {
      const place = places[at];
      const one = found.find(({ start, end }) => place && start < place.end && end > place.start);
      const none = { shown: 0, exists: 0, moved: 0, none: 0, "not found": 0 };
      const row = rows.get(`${truth} ${kind}`) ?? { truth, kind, ...none };
      row[one?.level ?? "not found"] += 1;
      rows.set(`${truth} ${kind}`, row);
    }
  }
  return [...rows.values()].sort((a, b) => a.truth.localeCompare(b.truth) || a.kind.localeCompare(b.kind));
}

function makeStatements(
  random: Random,
  files: readonly SourceFile[],
  shown: ReadonlyMap<string, [number, number]>,
  count: number,
): Case[] {
  const readable = files.filter(({ path }) => shown.has(path));
  const statements: Case[] = [];
  while (statements.length < count) {
    const made = generate(random, readable, files, shown);
    if (made) statements.push(made);
  }
  return statements;
}

function sum(rows: readonly Row[]) {
  const counts = { wrong: 0, missed: 0, right: 0, lost: 0 };
  for (const row of rows) {
    const all = LEVELS.reduce((total, level) => total + row[level], 0);
    if (row.truth === "right") {
      counts.right += all;
      counts.lost += all - row.shown - row.exists;
    } else if (row.truth === "wrong") {
      counts.wrong += all;
      counts.missed += row.shown;
    }
  }
  return counts;
}

async function measureCost(checker: Checker, random: Random, { folder, files }: Tree, rounds: number) {
  const { shown, showings } = await checker.show(random, folder, pickFiles(random, files, COSTLY.files));
  const times: number[] = [];
  const cpus: number[] = [];
  for (let round = 0; round < rounds + WARM_UP; round++) {
    const statements = makeStatements(random, files, shown, COSTLY.citations * 2).filter(
      ({ truth }) => truth !== "hostile",
    );
    const answer = statements
      .slice(0, COSTLY.citations)
      .map(({ text }) => text)
      .join("\n\n");
    const before = process.cpuUsage();
    const found = await checker.checkHere(folder, showings, answer);
    const used = process.cpuUsage(before);
    if (found.length !== COSTLY.citations) throw new Error(`${found.length} citations were found`);
    const start = performance.now();
    await checker.check(folder, showings, answer);
    if (round < WARM_UP) continue;
    cpus.push((used.user + used.system) / 1_000);
    times.push(performance.now() - start);
  }
  const rounded = (values: number[]) => Number(median(values).toFixed(1));
  return { files: shown.size, "CPU ms, median": rounded(cpus), "ms with a tool process, median": rounded(times) };
}
