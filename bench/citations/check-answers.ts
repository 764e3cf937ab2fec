import { basename, join } from "node:path";
import { repositoryRoot } from "@boocode/backing-services";
import type { Citation } from "@boocode/contracts";
import { createToolPool, findSearchLimits, openProject, type ProjectFolder } from "@boocode/project-tools";
import type { Showing } from "@boocode/project-tools/citations";
import { answerWork } from "../../libs/project-tools/src/host/answer-work.ts";
import { createRoots } from "../../libs/project-tools/src/host/roots.ts";
import { type CheckCitationsDeps, checkCitations } from "../../services/worker/src/attempt/check-citations.ts";
import type { SourceFile } from "./corpus.ts";
import type { Random } from "./random.ts";

type Judge = (project: ProjectFolder) => CheckCitationsDeps["judge"];

/** Checks answers as a worker does, with the tools' own evidence. */
export interface Checker {
  /** Lets the tools show a part of the files. @returns the lines that they have shown, and the showings */
  show(
    random: Random,
    project: ProjectFolder,
    files: readonly SourceFile[],
  ): Promise<{ shown: Map<string, [number, number]>; showings: Showing[] }>;
  /** @throws when the answer could not be checked */
  check(project: ProjectFolder, showings: Showing[], answer: string): Promise<Citation[]>;
  /** The same with everything in this process, so that its CPU time is all that it takes. */
  checkHere(project: ProjectFolder, showings: Showing[], answer: string): Promise<Citation[]>;
  open(path: string): Promise<{ folder: ProjectFolder; close(): Promise<void> }>;
  stop(): Promise<void>;
}

const never = new AbortController().signal;
const use = { memoryMb: 512, cpuMs: 20_000 };
const own = { folders: [], files: [] };

export function createChecker(): Checker {
  const search = findSearchLimits(use);
  const settings = { limits: { timeoutMs: 15_000, outputBytes: 48 * 1024 }, groupsOff: [], own };
  const pool = createToolPool({
    ...{ size: 2, settings, search, use, waitMs: 60_000 },
    program: join(repositoryRoot, "dist/worker/tool-process/main.mjs"),
    log: { warn: console.error, error: console.error },
  });

  async function check(judge: Judge, project: ProjectFolder, showings: Showing[], answer: string): Promise<Citation[]> {
    const onError = (error: unknown) => console.error(error);
    const roots = [project.real, project.path];
    const deps = { roots, timeoutMs: 60_000, showings: async () => showings, judge: judge(project), onError };
    const citations = await checkCitations(deps, answer);
    if (citations === null) throw new Error("an answer was not checked");
    return citations;
  }

  const inPool: Judge = (project) => (work, signal) => pool.judge(work, { user: "bench", project }, signal);
  const workHere = search.then((found) => answerWork({ ...settings, search: found }, createRoots(settings)));
  const here: Judge = (project) => async (citations) => {
    const answer = await (await workHere)(project, { citations });
    return "judged" in answer ? answer.judged : null;
  };

  return {
    check: (...args) => check(inPool, ...args),
    checkHere: (...args) => check(here, ...args),
    open: (path) => openProject({ kind: "path", path }, { allowed: async () => [path], own }),
    stop: () => pool.stop(),
    async show(random, project, files) {
      const shown = new Map<string, [number, number]>();
      const showings: Showing[] = [];
      for (const { path, lines } of files) {
        const first = random.int(1, Math.max(1, lines.length - 30));
        const args = { path, start_line: first, end_line: first + random.int(20, 400) };
        const call = { id: "1", name: "view_file", arguments: args };
        const { output, evidence = [] } = await pool.run({ user: "bench", project, call }, never);
        const [range] = evidence.flatMap(({ ranges }) => ranges);
        if (!range) continue;
        shown.set(path, [range.first, Math.min(range.last, lines.length - 1)]);
        showings.unshift({ content: output, evidence });
      }
      return { shown, showings };
    },
  };
}

/** Files of a tree of which a model reads a part, some of the same name. */
export function pickFiles(random: Random, files: readonly SourceFile[], count: number): SourceFile[] {
  const some = new Set<SourceFile>();
  while (some.size < Math.min(count, files.length)) {
    const one = random.pick(files);
    some.add(one);
    some.add(random.pick(files.filter(({ path }) => basename(path) === basename(one.path))));
  }
  return [...some];
}
