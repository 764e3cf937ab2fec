import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

export interface StartOptions {
  /** A directory, absolute. */
  project: string | undefined;
  question: string | undefined;
}

const USAGE = 'npm start [-- --project PATH [--ask "QUESTION"]]';

/** What `npm start` was asked for. @throws with words for a person, before anything is started */
export function readOptions(args: string[]): StartOptions {
  const { project, ask } = parse(args);
  if (project === undefined) {
    if (ask !== undefined) throw new Error(`--ask asks about a --project.\n${USAGE}`);
    return { project, question: ask };
  }
  const path = resolve(project);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`${path} is no directory.\n${USAGE}`);
  return { project: path, question: ask };
}

function parse(args: string[]): { project?: string; ask?: string } {
  try {
    return parseArgs({ args, options: { project: { type: "string" }, ask: { type: "string" } } }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
}
