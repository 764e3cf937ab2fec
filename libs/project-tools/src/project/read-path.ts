// PURE

/** A range of lines that a model appended to a path. */
export interface LineRange {
  first: number;
  last: number | null;
}

export interface PathReading {
  path: string;
  lines: LineRange | null;
}

/** `a.ts:12`, `a.ts:12:5`, `a.ts:12-20`, `a.ts#L12-L20`, `a.ts(12,5)`, `a.ts, lines 12-20` */
const LINES =
  /^(.+?)(?:[:#]\s*L?|,?\s+\(?lines?\s+|\()(\d{1,9})(?:C\d+)?(?:\s*(?:-|–|\.\.)\s*L?(\d{1,9})(?:C\d+)?|[:,]\s*\d+)*\)?[:-]?$/i;

/**
 * Returns the other paths that a model's path may mean, in the order in which to try them if the path does not exist: without
 * quotes, with slashes for backslashes, without a range of lines, relative to the root instead of `/`.
 */
export function otherReadings(asked: string): PathReading[] {
  const readings: PathReading[] = [];
  const add = (path: string, lines: LineRange | null) => {
    const known = path === asked || path === "" || readings.some((reading) => reading.path === path);
    if (!known) readings.push({ path, lines });
    return path;
  };
  const plain = add(unquoted(asked), null);
  const unescaped = add(plain.replaceAll(/\\([[\](){}$&'" ])/g, "$1"), null);
  add(unescaped.replaceAll(/\\+/g, "/"), null);
  const slashed = add(plain.replaceAll(/\\+/g, "/"), null);
  if (/%[0-9a-f]{2}/i.test(slashed)) add(decoded(slashed), null);
  const relative = add(slashed.replace(/^[@/]+/, ""), null);
  for (const path of new Set([plain, slashed, relative])) {
    const [, name, first, last] = LINES.exec(path) ?? [];
    if (name === undefined || first === undefined) continue;
    add(name, { first: Number(first), last: Number(last) >= Number(first) ? Number(last) : null });
  }
  return readings;
}

/** `app/%5Bid%5D`, as in a URL. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function unquoted(text: string): string {
  const trimmed = text
    .trim()
    .replace(/^\[[^\]]*\]\(([^()]+)\)$/, "$1")
    .replace(/^file:\/\//, "");
  return (/^(["'`])(.+)\1$/s.exec(trimmed)?.[2] ?? /^<(.+)>$/s.exec(trimmed)?.[1] ?? trimmed).trim();
}

/** Whether a path looks like a glob or a list of paths. */
export function isPathPattern(path: string): boolean {
  return /[*?{,]/.test(path);
}

export interface NearName {
  name: string;
  /** Whether it differs only in its Unicode form: composed (NFC) or decomposed (NFD). */
  sameText: boolean;
}

/** Returns the names that differ from `asked` only in Unicode form; if there are none, those that differ only in case. */
export function nearNames(asked: string, names: readonly string[]): NearName[] {
  const composed = asked.normalize("NFC");
  const same = names.filter((name) => name.normalize("NFC") === composed);
  if (same.length > 0) return same.map((name) => ({ name, sameText: true }));
  const folded = foldCase(asked);
  return names.filter((name) => foldCase(name) === folded).map((name) => ({ name, sameText: false }));
}

/** Returns the names that differ from `asked` only in their extension: `config.js` for `config.ts`. */
export function otherEndings(asked: string, names: readonly string[]): string[] {
  const stem = (name: string) => foldCase(name.replace(/(?<=.)\.[^.]*$/, ""));
  return names.filter((name) => stem(name) === stem(asked));
}

function foldCase(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
