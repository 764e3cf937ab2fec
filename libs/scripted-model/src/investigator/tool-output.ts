/** A line that a search found. */
export interface Hit {
  path: string;
  line: number;
  text: string;
}

/** Numbered lines of one file. */
export interface View {
  path: string;
  lines: Map<number, string>;
}

const GREP_LINE = /^(.+?):(\d+):(.*)$/;
const NUMBERED_LINE = /^\s*(\d+)(?:\t|→|\s?[|│]\s?|:\s?)(.*)$/;
/** `src/`, `README.md (120 bytes)`, `link -> target (symlink)`, or a name alone. */
const LISTED = /^([^\s[(][^\t]*?\/?)(?:\s+\([^)]*\)|\s+-> .*|\t.*)$|^([^\s[(]\S*)$/;
const PATH_LINE = /^[^\s(].*$/;

/** `path:line: text`; context lines (`path-line- text`), notices and anything else are passed over. */
export function readGrep(output: string): Hit[] {
  return lines(output).flatMap((row) => {
    const [, path, line, text] = GREP_LINE.exec(row) ?? [];
    if (path === undefined || line === undefined || text === undefined) return [];
    return [{ path: plainPath(path), line: Number(line), text: text.replace(/^ /, "") }];
  });
}

/** `  12<tab>text`, and the other ways in which a line can be numbered. */
export function readView(path: string, output: string): View {
  const numbered = new Map<number, string>();
  for (const row of lines(output)) {
    const [, line, text] = NUMBERED_LINE.exec(row) ?? [];
    if (line !== undefined && text !== undefined) numbered.set(Number(line), text);
  }
  return { path: plainPath(path), lines: numbered };
}

/** A path on each line; a notice is told by its blanks. */
export function readPaths(output: string): string[] {
  return lines(output)
    .filter(
      (row) => PATH_LINE.test(row) && (!row.includes(" ") || /\.\w{1,5}$/.test(row)) && !/^(no|error)\b/i.test(row),
    )
    .map(plainPath);
}

/** The names in a directory: a row is a name, with a slash or a remark behind it. Headings and notices are none. */
export function readListing(output: string): string[] {
  return lines(output).flatMap((row) => {
    const [, remarked, bare] = LISTED.exec(row.trim()) ?? [];
    const name = remarked ?? bare;
    return name === undefined || / entries\b/.test(row) ? [] : [name];
  });
}

export function isFailure(output: string): boolean {
  return /^\s*error\b/i.test(output);
}

function plainPath(path: string): string {
  return path.trim().replace(/^\.\//, "");
}

function lines(output: string): string[] {
  return output.split(/\r?\n/).filter((row) => row.trim() !== "");
}
