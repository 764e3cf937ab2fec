import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isWithinAny } from "@boocode/runtime";
import { onTestFinished } from "vitest";
import type { ToolOutcome } from "../src/ports.ts";
import { describeFolder, openFolder, type ProjectFolder } from "../src/project/open-folder.ts";
import { openProjectRoot } from "../src/project/project-root.ts";
import { answerRead } from "../src/reading/answer-read.ts";
import type { ReadWork } from "../src/reading/read-work.ts";
import { createRunTool, type ToolLimits } from "../src/run-tool.ts";
import { NO_LIMITS, type SearchLimits } from "../src/search/search-limits.ts";
import { findOwnFolders, type OwnPaths } from "../src/withheld/own-files.ts";
import type { WithheldGroupOf } from "../src/withheld/withheld-group.ts";

export interface TempTree {
  /** The project. */
  root: string;
  /** A directory beside it that no tool may show; it contains `secret.txt`. */
  outside: string;
}

/** The content of the file outside; no output may contain it. */
export const SECRET = "TOP-SECRET-CONTENT";

/** Creates a project of the given files in a new directory, and a secret beside it. Both are removed when the test ends. */
export async function makeTree(files: Record<string, string | Buffer>): Promise<TempTree> {
  const base = await realpath(await mkdtemp(join(tmpdir(), "boocode-tools-")));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const root = join(base, "project");
  const outside = join(base, "outside");
  const all = { ...prefixed("project", files), "outside/secret.txt": `${SECRET}\n`, "outside/secret-name.txt": "x\n" };
  await mkdir(root);
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), content);
  }
  return { root, outside };
}

function prefixed(folder: string, files: Record<string, string | Buffer>) {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [`${folder}/${path}`, content]));
}

/** Opens a project's folder as the service does, and closes it again. */
export async function findFolder(
  path: string,
  allowedRoots: readonly string[] = [],
  own: OwnPaths = { folders: [], files: [] },
): Promise<ProjectFolder> {
  const opened = await openFolder(path, findOwnFolders(own));
  const folder = describeFolder(opened, path, (directory) => isWithinAny(directory, allowedRoots));
  await opened.handle.close();
  return folder;
}

export type Call = (name: string, args: Record<string, unknown>, signal?: AbortSignal) => Promise<ToolOutcome>;

interface RootOptions {
  descriptors?: boolean;
  allowedRoots?: string[];
  own?: OwnPaths;
  withheldGroupOf?: WithheldGroupOf;
}

async function openRoot(root: string, { allowedRoots, descriptors = true, ...options }: RootOptions) {
  const project = await openProjectRoot(await findFolder(root, allowedRoots, options.own), { descriptors, ...options });
  onTestFinished(() => project.close());
  return project;
}

/** Reads in `root` as the API does. */
export async function startReads(root: string, options: RootOptions = {}) {
  const context = { root: await openRoot(root, options), limits: NO_LIMITS, signal: new AbortController().signal };
  return (work: ReadWork) => answerRead(work, context);
}

/** The reads of a path that the API makes. */
export const readsOf = (path: string): ReadWork[] => [
  { kind: "file", path, first: 1 },
  { kind: "folder", path, limit: 500 },
];

/** Runs tools in `root` as a turn does. An internal error of a tool fails the test. */
export async function startTools(
  root: string,
  options: RootOptions & { limits?: Partial<ToolLimits>; search?: SearchLimits } = {},
): Promise<Call> {
  const { limits, search, ...ofRoot } = options;
  const project = await openRoot(root, ofRoot);
  const defects: unknown[] = [];
  const run = createRunTool({
    root: project,
    limits: { timeoutMs: 20_000, outputBytes: 30_000, ...limits },
    search: search ?? NO_LIMITS,
    onDefect: (error) => defects.push(error),
  });
  return async (name, args, signal = new AbortController().signal) => {
    const outcome = await run({ id: "call-1", name, arguments: args }, signal);
    if (defects.length > 0) throw new Error("a defect was reported", { cause: defects[0] });
    return outcome;
  };
}
