import type { FoundFiles } from "@boocode/contracts";
import type { ToolContext } from "../define-tool.ts";
import { withIgnores } from "../ignores/with-ignores.ts";
import { keepExisting } from "../project/keep-existing.ts";
import { walkFiles } from "../search/list-files.ts";

/** How many more than the limit are kept, in place of files that are gone or cannot be opened. */
const SPARE = 100;
/** So many of the best are kept while the project is walked, twice as many and those of a chunk before they are sorted. */
const KEPT = 1_000;

interface Ranked {
  path: string;
  /** 0: the name begins with the text; 1: the name has it; 2: the path has it. */
  rank: number;
}

/**
 * Finds files, ignored and withheld ones left out, by a part of their path.
 * @throws ToolFailure when the search takes more than it may
 */
export async function findNames(
  { text, limit }: { text: string; limit: number },
  context: ToolContext,
): Promise<FoundFiles> {
  const wanted = fold(text);
  let found = 0;
  let best: Ranked[] = [];
  await withIgnores(".", false, context, async ({ files }) => {
    for await (const paths of walkFiles(".", [], files, context)) {
      for (const path of paths) {
        const rank = rankOf(fold(path), wanted);
        if (rank === null || context.root.withheld(path) !== null) continue;
        found += 1;
        best.push({ path, rank });
      }
      if (best.length >= 2 * KEPT) best = best.sort(compare).slice(0, KEPT);
    }
  });
  const candidates = best.sort(compare).map(({ path }) => path);
  const kept = await keepExisting(candidates.slice(0, limit + SPARE), context, limit);
  return { files: kept, has_more: found > limit };
}

const fold = (text: string) => text.normalize("NFC").toLowerCase();

function rankOf(path: string, wanted: string): number | null {
  if (!path.includes(wanted)) return null;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name.startsWith(wanted)) return 0;
  return name.includes(wanted) ? 1 : 2;
}

/** Of the same rank, the shortest path first. */
const compare = (a: Ranked, b: Ranked) =>
  a.rank - b.rank || a.path.length - b.path.length || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
