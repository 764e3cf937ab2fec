import { setImmediate } from "node:timers/promises";
import type { ToolContext } from "../define-tool.ts";
import { type Ignores, walkFiles } from "./list-files.ts";
import { exclusions } from "./ripgrep-arguments.ts";

/** What a search leaves out because it may hold secrets. */
export interface Withheld {
  count: number;
  groups: ReadonlySet<string>;
  /** Arguments that keep ripgrep from reading it. */
  globs: string[];
}

/** Beyond these, ripgrep reads files whose matches are then dropped. */
const MAX_GLOBS = 1000;
const BATCH = 1000;

export const NOTHING_WITHHELD: Withheld = { count: 0, groups: new Set(), globs: [] };

/** Finds the withheld files among those that a search would read: not ignored, and selected by `globs`. */
export async function findWithheld(
  { path, globs, ignores, allowed }: SearchedFiles,
  context: ToolContext,
): Promise<Withheld> {
  const known = ignores.listed ?? allowed;
  if (known !== null) {
    const { withheld } = await separate([known], context);
    // Usually a project has none, and then ripgrep need not be asked which of them the globs select.
    if (withheld.count === 0 || globs.length === 0) return withheld;
  }
  async function* withheldFiles() {
    for await (const files of walkFiles(path, globs, ignores.files, context))
      yield files.filter((file) => (allowed?.has(file) ?? true) && context.root.withheld(file) !== null);
  }
  // They are counted, not kept: there may be any number.
  return (await separate(withheldFiles(), context)).withheld;
}

interface SearchedFiles {
  /** A directory, relative to the root. */
  path: string;
  globs: readonly string[];
  ignores: Ignores;
  /** The paths that are not ignored; null when ripgrep leaves out those that are. */
  allowed: ReadonlySet<string> | null;
}

/** Separates the withheld ones of some files from the others. */
export async function separate(
  batches: Iterable<Iterable<string>> | AsyncIterable<Iterable<string>>,
  { root, signal }: ToolContext,
): Promise<{ shown: string[]; withheld: Withheld }> {
  const shown: string[] = [];
  const groups = new Set<string>();
  const unread: string[] = [];
  let count = 0;
  let seen = 0;
  for await (const files of batches) {
    for (const file of files) {
      seen += 1;
      // There may be half a million files, and a process that watches itself does so between two batches.
      if (seen % BATCH === 0) await setImmediate();
      signal.throwIfAborted();
      const group = root.withheld(file);
      if (group === null) shown.push(file);
      else {
        groups.add(group);
        count += 1;
        if (count <= MAX_GLOBS) unread.push(file);
      }
    }
  }
  return { shown, withheld: { count, groups, globs: exclusions(unread) } };
}

/** The line that tells the model what was left out; none when nothing was. */
export function describeWithheld({ count, groups }: Pick<Withheld, "count" | "groups">): string[] {
  if (count === 0) return [];
  return [
    `[${count} ${count === 1 ? "file" : "files"} withheld that may hold secrets (${[...groups].sort().join(", ")})]`,
  ];
}
