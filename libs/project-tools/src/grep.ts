import { cutText } from "@boocode/contracts";
import { z } from "zod";
import { defineTool, type ToolAnswer, type ToolContext } from "./define-tool.ts";
import { withIgnores } from "./ignores/with-ignores.ts";
import { clipLine, fitLines } from "./output/cut-output.ts";
import { showPath } from "./output/show-path.ts";
import type { ShownEntry } from "./output/to-evidence.ts";
import { type Encoding, readEncoding, UTF_8 } from "./project/detect-encoding.ts";
import type { OpenedPath } from "./project/project-root.ts";
import { describeWithheld, findWithheld, NOTHING_WITHHELD, type Withheld } from "./search/find-withheld.ts";
import { type Ignores, listFiles, NOTHING_IGNORED } from "./search/list-files.ts";
import { type Candidate, readMatchRecord } from "./search/match-record.ts";
import { openScope } from "./search/open-scope.ts";
import { otherPatterns, patternsForInvalid } from "./search/other-patterns.ts";
import { comparePaths, isPlainText, type OtherTexts, withOtherTexts } from "./search/other-texts.ts";
import { selects } from "./search/read-globs.ts";
import { readMatches, type ShownLine } from "./search/read-matches.ts";
import { isInvalidPattern, ripgrep } from "./search/ripgrep.ts";
import {
  commonArguments,
  globArguments,
  MAX_SEARCHED_BYTES,
  pathArguments,
  searchArguments,
  withoutDot,
} from "./search/ripgrep-arguments.ts";
import { INCLUDE_IGNORED, MAX_PATH_LENGTH, textInput } from "./text-input.ts";
import { ToolFailure } from "./tool-failure.ts";

const LINE_WIDTH = 300;
const MAX_RESULTS = 500;
/** Reserved for the notes at the end. */
const NOTE_BYTES = 900;
/** Limit of files whose encoding a note names. */
const MAX_NAMED = 5;
const LF = 0x0a;
const SEARCHED_SIZE = `${MAX_SEARCHED_BYTES / 2 ** 20} MB`;

const Input = z.strictObject({
  pattern: textInput(1000, "Regular expression in Rust syntax (no look-around), matched line by line"),
  path: textInput(MAX_PATH_LENGTH, "File or directory to search, relative to the project's root; default: all").default(
    ".",
  ),
  glob: textInput(
    500,
    "Only files that match, such as *.ts, src/**/*.test.ts, or a list: *.ts,*.tsx; a leading ! excludes",
  ).optional(),
  case_sensitive: z.boolean().default(true).describe("Whether upper and lower case differ"),
  fixed_string: z.boolean().default(false).describe("Search for the pattern as plain text"),
  context: z.int().min(0).max(5).default(0).describe("Lines to show before and after each match"),
  include_ignored: z.boolean().default(false).describe(INCLUDE_IGNORED),
  max_results: z.int().min(1).max(MAX_RESULTS).default(100).describe("Matching lines to show"),
});
type Input = z.output<typeof Input>;

interface Search extends Input {
  /** For ripgrep; see `openScope`. */
  globs: string[];
  /** The real path that is searched, relative to the root. */
  searched: string;
  ignores: Ignores;
  /** The paths that are not ignored, when ripgrep's globs would override the ignore files; null for all paths. */
  allowed: ReadonlySet<string> | null;
  withheld: Withheld;
  /** Decoded copies of the texts that ripgrep cannot search as they are. */
  texts(): Promise<OtherTexts>;
}

/** Searches the project's text files. Output: `path:line: text` for a match, `path-line- text` for context. */
export const grep = defineTool({
  name: "grep",
  description:
    "Search file contents. Returns path:line: text for each matching line, sorted by path. " +
    `Files that .gitignore excludes, unless git tracks them, binary files and files over ${SEARCHED_SIZE} are left out; ` +
    "a file or directory given as path is searched even if it is ignored. Files that may hold secrets are only counted.",
  purpose: "to search the text of files",
  input: Input,
  async run(input, context) {
    const { opened, globs } = await openScope(input, "any", context);
    try {
      if (opened.kind === "file") await requireSearchable(opened);
      const run = async (ignores: Ignores) => {
        // In ripgrep a glob overrides the ignore files; in this tool it does not.
        const overrides = ignores.files.length > 0 && selects(globs);
        const allowed = overrides ? (ignores.listed ?? (await listFiles(opened.path, [], ignores, context))) : null;
        const files = { path: opened.path, globs, ignores, allowed };
        const withheld = opened.kind === "file" ? NOTHING_WITHHELD : await findWithheld(files, context);
        const answer = await withOtherTexts({ ...files, withheld }, context, (texts) =>
          searchReadings({ ...input, searched: opened.path, globs, ignores, allowed, withheld, texts }, context),
        );
        return { ...answer, output: [answer.output, ...describeWithheld(withheld)].join("\n") };
      };
      if (opened.kind === "file") return await run(NOTHING_IGNORED);
      return await withIgnores(opened.path, input.include_ignored, context, run);
    } finally {
      await opened.handle.close();
    }
  },
});

/** Rejects a file that a directory search would skip silently: for a file given as `path`, "no matches" would be wrong. */
async function requireSearchable({ path, size, handle }: OpenedPath): Promise<void> {
  if (size > MAX_SEARCHED_BYTES) {
    throw new ToolFailure(
      `${showPath(path)} has ${size} bytes and is too large to search; view_file shows parts of it`,
    );
  }
  if ((await readEncoding(handle)) === "binary")
    throw new ToolFailure(`${showPath(path)} is binary and cannot be searched`);
}

/** Searches for the pattern as written; if that finds nothing, for what it means in another regular expression syntax. */
async function searchReadings(input: Search, context: ToolContext): Promise<ToolAnswer> {
  let failure: ToolFailure | null = null;
  const found = await search(input, context).catch((error: unknown) => {
    if (!isInvalidPattern(error)) throw error;
    failure = error;
    return null;
  });
  if (found !== null) return found;
  const { pattern, fixed_string } = input;
  const readings = failure === null ? otherPatterns(pattern) : patternsForInvalid(pattern);
  const tried: string[] = [];
  for (const reading of fixed_string ? [] : readings) {
    const taken = `${reading.because}, so the pattern was taken as ${reading.fixedString ? "plain text" : reading.pattern}`;
    const other = {
      ...{ ...input, pattern: reading.pattern, fixed_string: reading.fixedString ?? false },
      case_sensitive: input.case_sensitive && !reading.ignoreCase,
    };
    const answer = await search(other, context).catch((error: unknown) => {
      if (!isInvalidPattern(error)) throw error;
      return undefined;
    });
    if (answer) {
      context.note(taken);
      return answer;
    }
    if (answer === null) tried.push(`${taken}, without matches either`);
  }
  if (failure !== null) throw new ToolFailure([(failure as ToolFailure).message, ...tried].join("\n"));
  return { output: noMatches(input, tried, await input.texts()), truncated: false, shown: [] };
}

/** @returns null when nothing was found */
async function search(input: Search, context: ToolContext): Promise<ToolAnswer | null> {
  const blocks: { path: string; lines: OutputLine[] }[] = [];
  let room = context.outputBytes - NOTE_BYTES;
  let matches = 0;
  let candidates: FoundCandidate[] = [];
  let more = false;
  const decoded: string[] = [];

  /** Verifies the candidates of one file and adds their lines. Returns false when the output is full. */
  async function flush(): Promise<boolean> {
    const { path, encoding } = candidates[0] ?? {};
    if (path === undefined || encoding === undefined) return true;
    const shown = await readMatches(path, encoding, candidates, input.context, context);
    const lines = formatLines(showPath(path), shown);
    if (candidates.some(({ bytes }) => bytes === null)) lines.push(...(await reportLongLine(path, context)));
    candidates = [];
    if (lines.length === 0) return true;
    if (encoding !== UTF_8) decoded.push(`${showPath(path)} from ${encoding}`);
    const fitting = fitLines(
      lines.map(({ text }) => text),
      room,
    );
    const kept = lines.slice(0, fitting.length);
    blocks.push({ path, lines: kept });
    room -= Buffer.byteLength(fitting.join("\n")) + 1 + (input.context > 0 ? 3 : 0);
    matches += shown.filter(({ matchStart }) => matchStart !== null).length;
    return kept.length === lines.length;
  }

  for await (const candidate of findCandidates(input, context)) {
    if (candidates[0] && candidates[0].path !== candidate.path && !(await flush())) {
      more = true;
      break;
    }
    if (matches + candidates.length === input.max_results) {
      more = true;
      break;
    }
    candidates.push(candidate);
  }
  if (!(await flush())) more = true;

  if (blocks.length === 0 && !more) return null;
  const shown: ShownEntry[] = [];
  const lines: string[] = [];
  for (const { path, lines: found } of blocks.sort((a, b) => comparePaths(a.path, b.path))) {
    if (input.context > 0 && lines.length > 0) lines.push("--");
    for (const { text, line } of found) {
      if (line) shown.push({ path, at: lines.length, line });
      lines.push(text);
    }
  }
  if (decoded.length > 0) lines.push(describeDecoded(decoded));
  if (more) {
    lines.push(
      `[cut: there are more matches; narrow path, glob or pattern, or raise max_results (at most ${MAX_RESULTS})]`,
    );
    return { output: lines.join("\n"), truncated: true, shown };
  }
  const texts = await input.texts();
  if (texts.left > 0) lines.push(describeLeft(texts));
  return { output: lines.join("\n"), truncated: false, shown };
}

function describeDecoded(decoded: readonly string[]): string {
  const named = cutText(decoded.slice(0, MAX_NAMED).join(", "), 250);
  return `[decoded: ${named}${decoded.length > MAX_NAMED ? ` and ${decoded.length - MAX_NAMED} more` : ""}]`;
}

function describeLeft({ left }: OtherTexts): string {
  return `[not searched: ${left} files that are binary or in an encoding other than UTF-8; narrow path or glob]`;
}

interface FoundCandidate extends Candidate {
  encoding: Encoding;
}

/**
 * Yields the matches that ripgrep reports outside ignored files: first those in UTF-8, in the order of paths, then those in other
 * texts. Finding the latter takes reading every file, so the caller stops when it has enough of the former.
 */
async function* findCandidates(input: Search, context: ToolContext): AsyncGenerator<FoundCandidate> {
  const { root, signal, limits } = context;
  const options = { fixedString: input.fixed_string, caseSensitive: input.case_sensitive };
  const args = [
    ...[...commonArguments(input.ignores.files), ...searchArguments(options)],
    ...[...globArguments(input.globs, root.closed), ...input.withheld.globs],
    ...pathArguments(input.searched),
  ];
  let current = { path: "", skipped: false };
  const { pattern } = input;
  for await (const record of ripgrep({ args, pattern, cwd: root.stablePath, separator: LF, signal, limits })) {
    const candidate = readMatchRecord(record);
    if (candidate === null) continue;
    const path = withoutDot(candidate.path);
    if (path !== current.path) {
      const isListed = input.allowed?.has(path) ?? true;
      current = { path, skipped: !isListed || !(await isPlainText(path, context)) };
    }
    if (!current.skipped) yield { ...candidate, path, encoding: UTF_8 };
  }
  yield* await findInTexts(input, context);
}

/** Returns the matches in the decoded copies, at most one more than can be shown. */
async function findInTexts(input: Search, { signal, limits }: ToolContext): Promise<FoundCandidate[]> {
  const { folder, copies } = await input.texts();
  const found: FoundCandidate[] = [];
  if (copies.length === 0) return found;
  const options = { fixedString: input.fixed_string, caseSensitive: input.case_sensitive };
  const args = [...commonArguments([]), ...searchArguments(options), "--text", ...pathArguments(".")];
  const { pattern } = input;
  for await (const record of ripgrep({ args, pattern, cwd: folder, separator: LF, signal, limits })) {
    const candidate = readMatchRecord(record);
    const copy = candidate && copies[Number(withoutDot(candidate.path))];
    if (copy) found.push({ ...candidate, ...copy });
    if (found.length > input.max_results) break;
  }
  return found;
}

/** A line of the output, and which line of the file it shows: absent when it shows none, or only a part of one. */
interface OutputLine {
  text: string;
  line?: ShownEntry["line"];
}

function formatLines(path: string, shown: readonly ShownLine[]): OutputLine[] {
  return shown.flatMap(({ number, bytes, matchStart }, index) => {
    const text = clipLine(bytes, matchStart ?? 0, LINE_WIDTH);
    const prefix = matchStart === null ? `${path}-${number}- ` : `${path}:${number}: `;
    // The first comparison spares long lines the second: a character takes at most four bytes.
    const isWhole = bytes.length <= 4 * LINE_WIDTH && bytes.toString("utf8") === text;
    const line = { text: prefix + text, ...(isWhole && { line: { number, skip: prefix.length } }) };
    const before = shown[index - 1];
    const gap = before && before.number < number - 1 && shown.some((other) => other.matchStart === null);
    return gap ? [{ text: "--" }, line] : [line];
  });
}

/** Reports a match in a line that is too long to show, provided that the file lies inside the root. */
async function reportLongLine(path: string, { root }: ToolContext): Promise<OutputLine[]> {
  const opened = await root.tryOpen(path, "file");
  await opened?.handle.close();
  return opened === null ? [] : [{ text: `${showPath(path)}: a match in a very long line is not shown` }];
}

function noMatches(
  { pattern, path, glob, case_sensitive, fixed_string, include_ignored }: Input,
  tried: readonly string[],
  texts: OtherTexts,
): string {
  const hints = [
    ...tried,
    fixed_string && /[\\|*+?^$]/.test(pattern) ? "fixed_string: false takes it as a regular expression" : null,
    case_sensitive ? "case_sensitive: false ignores case" : null,
    fixed_string ? null : "fixed_string: true takes the pattern as plain text",
    glob === undefined ? null : "glob may match no file (find_files shows what it matches)",
    include_ignored ? null : "include_ignored: true also searches ignored files",
    texts.binary > 0 ? `binary files that were not searched: ${texts.binary}` : null,
    `files over ${SEARCHED_SIZE} are not searched`,
  ];
  const where = path === "." ? "the project" : showPath(path);
  const answer = `no matches in ${where} (${hints.filter((hint) => hint !== null).join("; ")})`;
  return texts.left > 0 ? `${answer}\n${describeLeft(texts)}` : answer;
}
