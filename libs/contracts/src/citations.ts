import { z } from "zod";

/** The most citations of one message. A message with more is not checked. */
export const MAX_CITATIONS = 500;
/** The most that the citations of one message may take, in bytes of JSON. A message with more is not checked. */
export const MAX_CITATIONS_BYTES = 128 * 1024;

const Lines = z.object({ first: z.int().nonnegative(), last: z.int().nonnegative() });

export const CitationLevel = z.enum(["moved", "shown", "exists", "none"]);
export type CitationLevel = z.infer<typeof CitationLevel>;

/** A place in an answer that names lines of a file, and what a comparison with these lines found. */
export const Citation = z
  .object({
    start: z.int().nonnegative().describe("Where it begins in the message's content, in UTF-16 code units."),
    end: z.int().positive().describe("Where it ends: the index after its last unit."),
    path: z.string().describe("Relative to the project's root; as written where it leads out of the project."),
    first: z.int().nonnegative(),
    last: z.int().nonnegative(),
    level: CitationLevel.describe(
      "The first that fits. `moved`: none of the code or names quoted beside it stands in these lines, and one stands elsewhere in " +
        "the file. `shown`: the model read these lines in this session. `exists`: the lines exist. `none`: they do not, or cannot be read.",
    ),
    moved_to: Lines.optional().describe("With `moved`: where what is quoted stands, when it is one place."),
  })
  .meta({ id: "Citation" });
export type Citation = z.infer<typeof Citation>;

/** Limits of what is answered of a citation's lines: bytes of JSON, and lines. */
export const MAX_READ_LINES = { lines: 2_000, bytes: 1_000_000 };

/** A citation's lines as the model read them before the answer, whatever the file has now. */
export const ReadLines = z
  .object({
    path: z.string(),
    lines: z
      .array(z.object({ number: z.int().positive(), text: z.string() }))
      .describe("Those of the citation's lines that the model has read, each as it was shown last."),
    hash: z.string().describe("Of these lines: two answers with the same hash have the same text."),
    cut: z.boolean().describe("Whether there are more."),
  })
  .meta({ id: "ReadLines" });
export type ReadLines = z.infer<typeof ReadLines>;

export const CitationQuery = z.strictObject({
  index: z.coerce
    .number<string>()
    .int()
    .min(0)
    .max(MAX_CITATIONS - 1)
    .default(0)
    .describe("The place of the citation in the message's `citations`; the first is 0."),
});

/** Lines `first` to `last` of a file, as one tool output has them. */
export interface ShownRange {
  first: number;
  last: number;
  /** The line of the output, from 0, that has `first`. */
  at: number;
  /** How many UTF-16 units stand before the text of each of these lines. */
  skip: number;
  /** See `hashLines` in libs/project-tools. */
  hash: string;
}

/** What a tool's output shows of one file: its name, and perhaps lines of it. Stored with the output, and part of no answer. */
export interface ShownFile {
  /** Relative to the project's root, without symlinks. */
  path: string;
  ranges: ShownRange[];
}
