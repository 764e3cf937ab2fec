import { posix } from "node:path";
import { z } from "zod";
import { defineTool } from "./define-tool.ts";
import { fitLines } from "./output/cut-output.ts";
import { showPath } from "./output/show-path.ts";
import { openAsked } from "./project/open-asked.ts";
import { type FolderEntry, MAX_NAMES, readEntry, readNames } from "./reading/read-folder.ts";
import { MAX_PATH_LENGTH, textInput } from "./text-input.ts";

const PAGE = 500;
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
        entries.push(describeEntry(await readEntry(opened, entry, context.root)));
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

/** The entry as the model reads it. */
function describeEntry({ name, isNamed, type, size, target, withheld }: FolderEntry): string {
  const shown = showPath(name) + (isNamed ? "" : " (the name is not UTF-8: it cannot be opened)");
  const group = withheld === null ? "" : `withheld: ${withheld}`;
  if (type === "gone") return `${shown} (gone)`;
  if (type === "symlink") return `${shown} -> ${showPath(target ?? "?")} (symlink${group && `, ${group}`})`;
  if (type === "folder") return `${shown}/${group && ` (${group})`}`;
  return `${shown} (${group || (type === "file" ? `${size} bytes` : type)})`;
}
