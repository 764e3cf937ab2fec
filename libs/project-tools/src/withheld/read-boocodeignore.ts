import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { type IgnorePattern, matchesDirectory, parseIgnoreFile, patternsBelow } from "../ignores/ignore-pattern.ts";
import { readStart } from "../project/read-start.ts";
import { foldPath } from "./withheld-group.ts";

export const BOOCODEIGNORE = ".boocodeignore";
/** Limits of all files together: each pattern is compared with the path of every file that a search may read. */
const MAX_BYTES = 64 * 1024;
const MAX_PATTERNS = 200;

/** A part of `ProjectRoot`. */
interface Source {
  real: string;
  above: readonly string[];
  openAbove(path: string): Promise<FileHandle | null>;
  tryOpenUnshown(path: string, kind: "file"): Promise<{ handle: FileHandle } | null>;
}

/**
 * Reads the `.boocodeignore` at the project's root and those above it that its owner may use: patterns as in a .gitignore, without
 * regard to case, of further files to withhold. What exceeds the limits has no effect.
 * @returns whether a path is withheld: relative to the root, a folder's with a slash at its end
 */
export async function readBoocodeignore(root: Source): Promise<(path: string) => boolean> {
  const patterns: IgnorePattern[] = [];
  for (const folder of root.above.toReversed()) {
    const content = await read(await root.openAbove(posix.join(folder, BOOCODEIGNORE)));
    const names = foldPath(posix.relative(folder, root.real)).split("/");
    for (const pattern of parse(content)) {
      // A folder on the way to the project withholds all of the project.
      const isAbove = names.some((_, at) => matchesDirectory(pattern, names.slice(0, at + 1)));
      if (isAbove && !pattern.negated) return () => true;
      patterns.push(...patternsBelow(pattern, names));
    }
  }
  patterns.push(...parse(await read((await root.tryOpenUnshown(BOOCODEIGNORE, "file"))?.handle ?? null)));
  return createMatcher(patterns.slice(0, MAX_PATTERNS));
}

function parse(content: Buffer | null): IgnorePattern[] {
  if (content === null) return [];
  const text = content.toString("utf8").normalize("NFKD").toLowerCase();
  // The last line of a larger file may be a part of a pattern.
  const whole = content.length < MAX_BYTES ? text : text.slice(0, text.lastIndexOf("\n") + 1);
  return parseIgnoreFile(Buffer.from(whole)) ?? [];
}

async function read(handle: FileHandle | null): Promise<Buffer | null> {
  if (handle === null) return null;
  try {
    return await readStart(handle, MAX_BYTES);
  } finally {
    await handle.close();
  }
}

function createMatcher(patterns: readonly IgnorePattern[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const folders = new Map<string, boolean>([["", false]]);
  /** @param path folded, without a slash at its end */
  function isWithheld(path: string, isFolder: boolean): boolean {
    const at = path.lastIndexOf("/");
    if (isFolderWithheld(path.slice(0, Math.max(0, at)))) return true;
    const names = path.split("/");
    const last = patterns.findLast(
      (pattern) => (isFolder || !pattern.directoryOnly) && matchesDirectory(pattern, names),
    );
    return last !== undefined && !last.negated;
  }
  function isFolderWithheld(path: string): boolean {
    const known = folders.get(path);
    if (known !== undefined) return known;
    const verdict = isWithheld(path, true);
    folders.set(path, verdict);
    return verdict;
  }
  return (path) => {
    const folded = foldPath(path);
    return folded.endsWith("/") ? isFolderWithheld(folded.slice(0, -1)) : isWithheld(folded, false);
  };
}
