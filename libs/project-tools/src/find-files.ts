import { z } from "zod";
import { defineTool } from "./define-tool.ts";
import { withIgnores } from "./ignores/with-ignores.ts";
import { fitLines } from "./output/cut-output.ts";
import { showPath } from "./output/show-path.ts";
import { keepExisting } from "./project/keep-existing.ts";
import { describeWithheld, NOTHING_WITHHELD, separate } from "./search/find-withheld.ts";
import { listFiles, NOTHING_IGNORED } from "./search/list-files.ts";
import { openScope } from "./search/open-scope.ts";
import { anywhere, selects } from "./search/read-globs.ts";
import { INCLUDE_IGNORED, MAX_PATH_LENGTH, textInput } from "./text-input.ts";

/** Reserved for the note at the end. */
const NOTE_BYTES = 600;
const MAX_SUGGESTIONS = 5;
const MAX_RESULTS = 1000;

const Input = z.strictObject({
  glob: textInput(
    500,
    "Such as *.ts or package.json (anywhere below path), src/**/*.{ts,tsx} (from path), src (everything below it), " +
      "or a list: *.ts,*.tsx; a leading ! excludes",
  ),
  path: textInput(MAX_PATH_LENGTH, "Directory to search, relative to the project's root; default: all").default("."),
  include_ignored: z.boolean().default(false).describe(INCLUDE_IGNORED),
  max_results: z.int().min(1).max(MAX_RESULTS).default(200).describe("Paths to show"),
});

/** Finds files by name: sorted paths relative to the root, one per line. */
export const findFiles = defineTool({
  name: "find_files",
  description:
    "Find files by name. Returns paths relative to the project's root, sorted, one per line. " +
    "Files that .gitignore excludes are left out, unless git tracks them; a directory given as path is searched even if it is ignored. " +
    "Files that may hold secrets are only counted.",
  purpose: "to find files by name",
  input: Input,
  async run({ glob, path, include_ignored, max_results }, context) {
    const { opened, globs } = await openScope({ path, glob }, "directory", context);
    await opened.handle.close();
    let suggested: string[] = [];
    let ignored = 0;
    let withheld = NOTHING_WITHHELD;
    const found = await withIgnores(opened.path, include_ignored, context, async (ignores) => {
      const files = await listFiles(opened.path, globs, ignores, context);
      const { shown, ...left } = await separate([files], context);
      withheld = left.withheld;
      if (shown.length === 0 && selects(globs)) {
        const near = await listFiles(opened.path, anywhere(globs), ignores, context, { anyCase: true });
        suggested = (await separate([near], context)).shown;
        if (ignores.files.length === 0) return shown;
        const all = await separate([await listFiles(opened.path, globs, NOTHING_IGNORED, context)], context);
        withheld = all.withheld;
        ignored = all.shown.length;
      }
      return shown;
    });
    const note = describeWithheld(withheld);
    const kept = await keepExisting(found.sort().slice(0, max_results), context);
    // A name that is not UTF-8 cannot be opened, and is left out like a deleted file.
    if (kept.length === 0 && found.length <= max_results) {
      const near = await keepExisting(suggested.sort().slice(0, MAX_SUGGESTIONS), context);
      const meant = near.length === 0 ? "" : `; did you mean ${near.map(showPath).join(" or ")}?`;
      const where = opened.path === "." ? "the project" : showPath(opened.path);
      const hidden = ignored === 0 ? "" : `; ignored files that match: ${ignored}, include_ignored: true shows them`;
      const output = `no files in ${where} match ${showPath(glob)}${meant} (a glob with a slash starts at path: **/ makes it match anywhere${hidden})`;
      return { output: [output, ...note].join("\n"), truncated: false, shown: [] };
    }
    const lines = fitLines(kept.map(showPath), context.outputBytes - NOTE_BYTES);
    const shown = kept.slice(0, lines.length).map((path, at) => ({ path, at }));
    if (found.length <= max_results && lines.length === kept.length)
      return { output: [...lines, ...note].join("\n"), truncated: false, shown };
    const left = found.length - lines.length;
    lines.push(`[cut: ${left} more; give a narrower glob or path, or raise max_results (at most ${MAX_RESULTS})]`);
    return { output: [...lines, ...note].join("\n"), truncated: true, shown };
  },
});
