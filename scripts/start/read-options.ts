import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

export interface StartOptions {
  /** The absolute path of a directory. */
  project: string | undefined;
  question: string | undefined;
}

const USAGE = 'npm start [-- --project PATH [--ask "QUESTION"]]';

/** Parses the options of `npm start`. @throws an error with a readable message, before anything is started */
export function readOptions(args: string[]): StartOptions {
  const { project, ask } = parse(args);
  if (project === undefined) {
    if (ask !== undefined) throw new Error(`--ask asks about a --project.\n${USAGE}`);
    return { project, question: ask };
  }
  const path = resolve(project);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`${path} is not a directory.\n${USAGE}`);
  return { project: path, question: ask };
}

function parse(args: string[]): { project?: string; ask?: string } {
  try {
    return parseArgs({ args, options: { project: { type: "string" }, ask: { type: "string" } } }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
}
