/** A line found by a search. */
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

/** Parses `path:line: text`. Skips context lines (`path-line- text`), notes and everything else. */
export function readGrep(output: string): Hit[] {
  return lines(output).flatMap((row) => {
    const [, path, line, text] = GREP_LINE.exec(row) ?? [];
    if (path === undefined || line === undefined || text === undefined) return [];
    return [{ path: plainPath(path), line: Number(line), text: text.replace(/^ /, "") }];
  });
}

/** Parses `  12<tab>text` and other formats of numbered lines. */
export function readView(path: string, output: string): View {
  const numbered = new Map<number, string>();
  for (const row of lines(output)) {
    const [, line, text] = NUMBERED_LINE.exec(row) ?? [];
    if (line !== undefined && text !== undefined) numbered.set(Number(line), text);
  }
  return { path: plainPath(path), lines: numbered };
}

/** Parses one path per line. A line with spaces is a note, unless it ends in a file extension. */
export function readPaths(output: string): string[] {
  return lines(output)
    .filter(
      (row) => PATH_LINE.test(row) && (!row.includes(" ") || /\.\w{1,5}$/.test(row)) && !/^(no|error)\b/i.test(row),
    )
    .map(plainPath);
}

/** Parses the names of a directory listing: each row is a name, followed by a slash or a remark. Skips headings and notes. */
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
