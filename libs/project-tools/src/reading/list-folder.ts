import { type FolderPage, jsonBytes, MAX_FILE_BYTES } from "@boocode/contracts";
import type { ProjectRoot } from "../project/project-root.ts";
import { type FolderEntry, readEntry, readNames } from "./read-folder.ts";
import type { ReadAnswer, ReadWork } from "./read-work.ts";

type FolderWork = Extract<ReadWork, { kind: "folder" }>;

/** Of one page: a name may take 1.5 KB of JSON, and a symlink's target 24 KB. */
const ROOM = MAX_FILE_BYTES;
const ENTRY_BYTES = 60;

/**
 * Lists a page of a folder. A page ends at a name and the next one begins behind it, so that what is added or deleted meanwhile moves
 * nothing else. @throws ToolFailure when the path cannot be opened
 */
export async function listFolder(
  root: ProjectRoot,
  { path, limit, after }: FolderWork,
  signal: AbortSignal,
): Promise<ReadAnswer<FolderWork>> {
  const opened = await root.open(path, "directory");
  try {
    const { names, complete } = await readNames(opened, signal);
    const from = after === undefined ? 0 : firstAfter(names, Buffer.from(after, "base64url"));
    const entries: FolderPage["entries"] = [];
    let room = ROOM;
    let [at, last] = [from, after ?? null];
    for (; at < names.length && entries.length < limit; at++) {
      signal.throwIfAborted();
      const name = names[at] as Buffer;
      const entry = toContract(await readEntry(opened, name, root));
      if (entry !== null) {
        room -= ENTRY_BYTES + jsonBytes(entry.name) + jsonBytes(entry.target ?? "");
        if (room < 0) break;
        entries.push(entry);
      }
      last = name.toString("base64url");
    }
    const hasMore = at < names.length;
    return { path: opened.path, entries, complete, has_more: hasMore, next_after: hasMore ? last : null };
  } finally {
    await opened.handle.close();
  }
}

/** The index of the first of sorted names that comes after one, which need not be there any more. */
function firstAfter(names: readonly Buffer[], name: Buffer): number {
  const index = names.findIndex((each) => Buffer.compare(each, name) > 0);
  return index === -1 ? names.length : index;
}

/** @returns null for what is withheld, or was deleted since it was listed */
function toContract({
  name,
  isNamed,
  type,
  size,
  target,
  withheld,
}: FolderEntry): FolderPage["entries"][number] | null {
  if (withheld !== null || type === "gone") return null;
  const isKnown = isNamed && (type === "file" || type === "folder" || type === "symlink");
  return { name, type: isKnown ? type : "other", size, target };
}
