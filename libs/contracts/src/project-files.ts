import { z } from "zod";

/** Limits of what is answered of a file: lines, and bytes of JSON. */
export const MAX_FILE_LINES = 2_000;
export const MAX_FILE_BYTES = 1_000_000;

/** Linux's PATH_MAX. */
const MAX_PATH = 4096;

const ProjectPath = z
  .string()
  .min(1)
  .max(MAX_PATH)
  .refine((path) => !path.includes("\0"), "must not contain a NUL character")
  .describe("Relative to the project's root.");

const line = z.coerce.number<string>().int().min(1).max(Number.MAX_SAFE_INTEGER);

export const FileQuery = z
  .strictObject({
    path: ProjectPath,
    first: line.default(1).describe("The first line, from 1."),
    last: line.optional().describe(`The last line; default: ${MAX_FILE_LINES} lines. An answer has at most as many.`),
  })
  .refine(({ first, last }) => last === undefined || last >= first, {
    path: ["last"],
    message: "must not be less than first",
  });

/** Lines of a text file of a project, as they are now. */
export const FileLines = z
  .object({
    path: z.string().describe("The file's real path, relative to the project's root: symlinks are resolved."),
    size: z.int().nonnegative().describe("Of the file, in bytes."),
    encoding: z
      .string()
      .describe("From which the lines were decoded, as the WHATWG Encoding Standard names it: `UTF-8`, `UTF-16LE` …"),
    byte_order_mark: z.boolean().describe("Whether the file begins with one. It is not part of the first line."),
    total_lines: z.int().nonnegative(),
    first: z.int().positive(),
    last: z.int().nonnegative().describe("Of the last line in `lines`; `first - 1` when the file ends before `first`."),
    lines: z.array(z.string()).describe("Without their line breaks."),
    cut_lines: z
      .array(z.object({ number: z.int().positive(), bytes: z.int().nonnegative() }))
      .describe("The lines whose end is left out, with the bytes of the whole line in UTF-8."),
    has_more: z.boolean().describe("Whether the file has lines after `last`."),
    hash: z
      .string()
      .describe(
        "Of `lines`. The lines of a citation (`ReadLines`) have the same hash if and only if they are still the same.",
      ),
  })
  .meta({ id: "FileLines" });
export type FileLines = z.infer<typeof FileLines>;

/** The largest page of a folder, which is also the default. */
const MAX_ENTRIES = 500;

export const FolderQuery = z.strictObject({
  path: ProjectPath.default("."),
  limit: z.coerce.number<string>().int().min(1).max(MAX_ENTRIES).default(MAX_ENTRIES),
  after: z
    .string()
    .regex(/^[\w-]{1,400}$/, "must be the `next_after` of an answer")
    .optional()
    .describe("The `next_after` of the last answer: opaque."),
});

const FolderEntry = z
  .object({
    name: z.string(),
    type: z
      .enum(["file", "folder", "symlink", "other"])
      .describe("`other`: a pipe, socket or device, or what cannot be opened because its name is not UTF-8."),
    size: z.int().nonnegative().nullable().describe("Of a file, in bytes."),
    target: z
      .string()
      .nullable()
      .describe("Of a symlink, as written in it. It need not exist, nor lie in the project."),
  })
  .meta({ id: "FolderEntry" });

/** A page of a folder's entries. Withheld ones are not in it; ignored ones are. */
export const FolderPage = z
  .object({
    path: z.string().describe("The folder's real path, relative to the project's root; `.` is the root."),
    entries: z.array(FolderEntry).describe("Sorted by the bytes of their names."),
    complete: z.boolean().describe("False when the folder has more entries than are read of one."),
    has_more: z.boolean().describe("Whether there is another page."),
    next_after: z.string().nullable().describe("The `after` of the next page; null: this is the last."),
  })
  .meta({ id: "FolderPage" });
export type FolderPage = z.infer<typeof FolderPage>;

export const FileSearchQuery = z.strictObject({
  q: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => !text.includes("\0"), "must not contain a NUL character")
    .describe("A part of a path, in any case."),
  limit: z.coerce.number<string>().int().min(1).max(100).default(20),
});

/** Files of a project that are not ignored and not withheld, whose paths have a text. */
export const FoundFiles = z
  .object({
    files: z
      .array(z.string())
      .describe(
        "Relative to the project's root. First those whose name begins with the text, then those whose name has it.",
      ),
    has_more: z.boolean().describe("Whether more files have it."),
  })
  .meta({ id: "FoundFiles" });
export type FoundFiles = z.infer<typeof FoundFiles>;
