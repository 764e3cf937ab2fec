import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { opendir } from "node:fs/promises";
import { posix } from "node:path";
import { z } from "zod";
import { defineTool } from "./define-tool.ts";
import { fitLines } from "./output/cut-output.ts";
import { showPath } from "./output/show-path.ts";
import { openAsked } from "./project/open-asked.ts";
import type { OpenedPath, ProjectRoot } from "./project/project-root.ts";
import { quickFiles } from "./project/quick-files.ts";
import { MAX_PATH_LENGTH, textInput } from "./text-input.ts";

const PAGE = 500;
/** Names, of at most 255 bytes, are sorted in memory. A directory with more entries holds data, not code. */
const MAX_NAMES = 100_000;
/** Reserved for the heading and the note at the end, without the path. */
const FRAME_BYTES = 300;

const Input = z.strictObject({
  path: textInput(MAX_PATH_LENGTH, "Directory, relative to the project's root; default: the root").default("."),
  offset: z.int().min(0).default(0).describe("Entries to skip, to continue a long listing"),
});

/** Lists a directory: directories end with a slash, files have their size, symlinks show their target. */
export const listDir = defineTool({
  name: "list_dir",
  description: `List a directory, including hidden and ignored entries, sorted by name, ${PAGE} at a time. Directories end with /. Files that may hold secrets are marked as withheld.`,
  purpose: "to list a directory",
  input: Input,
  async run({ path, offset }, context) {
    const opened = await openAsked(path, "directory", context);
    try {
      const name = showPath(opened.path);
      const { names, complete } = await readNames(opened, context.signal);
      const entries: string[] = [];
      for (const entry of names.slice(offset, offset + PAGE)) {
        context.signal.throwIfAborted();
        entries.push(await describeEntry(opened, entry, context.root));
      }
      const lines = fitLines(entries, context.outputBytes - FRAME_BYTES - Buffer.byteLength(name));
      const left = names.length - Math.min(offset, names.length) - lines.length;
      const count = complete ? `${names.length} entries` : `more than ${MAX_NAMES} entries, the rest cannot be listed`;
      const notes = left > 0 ? [`[cut: ${left} more; continue with offset=${offset + lines.length}]`] : [];
      const shown = names.slice(offset, offset + lines.length).map((entry, index) => ({
        path: posix.join(opened.path, entry.toString("utf8")),
        at: index + 1,
      }));
      const output = [`${name} (${count})`, ...lines, ...notes].join("\n");
      return { output, truncated: left > 0 || !complete, shown };
    } finally {
      await opened.handle.close();
    }
  },
});

/** The names, sorted, as bytes: a name need not be UTF-8. */
async function readNames(opened: OpenedPath, signal: AbortSignal): Promise<{ names: Buffer[]; complete: boolean }> {
  const names: Buffer[] = [];
  // Reads through the descriptor, because another directory may have taken the path since.
  const directory = await opendir(opened.stablePath, { encoding: "buffer" as BufferEncoding, bufferSize: 512 });
  for await (const { name } of directory) {
    signal.throwIfAborted();
    if (names.length === MAX_NAMES) return { names: names.sort(Buffer.compare), complete: false };
    names.push(name as unknown as Buffer);
  }
  return { names: names.sort(Buffer.compare), complete: true };
}

async function describeEntry(
  { stablePath, path: folder }: OpenedPath,
  name: Buffer,
  root: ProjectRoot,
): Promise<string> {
  const path = Buffer.concat([Buffer.from(`${stablePath}/`), name]);
  const shown = showPath(name.toString("utf8")) + (isUtf8(name) ? "" : " (the name is not UTF-8: it cannot be opened)");
  // An entry that was deleted since it was listed, or is not accessible, is still shown by name.
  const stats = await quickFiles.lstat(path).catch(() => null);
  if (stats === null) return `${shown} (gone)`;
  if (stats.isSymbolicLink()) {
    const target = await quickFiles.readlink(path, { encoding: "buffer" }).catch(() => Buffer.from("?"));
    const leads = root.withheld(posix.join(folder, target.toString("utf8")));
    const marked = leads === null ? "" : `, withheld: ${leads}`;
    return `${shown} -> ${showPath(target.toString("utf8"))} (symlink${marked})`;
  }
  const inside = posix.join(folder, name.toString("utf8"));
  const group = root.withheld(stats.isDirectory() ? `${inside}/` : inside);
  const withheld = group === null ? "" : `withheld: ${group}`;
  if (stats.isDirectory()) return `${shown}/${withheld && ` (${withheld})`}`;
  return `${shown} (${withheld || (stats.isFile() ? `${stats.size} bytes` : specialKind(stats))})`;
}

function specialKind(stats: Stats): string {
  if (stats.isFIFO()) return "pipe";
  return stats.isSocket() ? "socket" : "device";
}
