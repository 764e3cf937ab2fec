import { isUtf8 } from "node:buffer";

/**
 * One line of a .gitignore, parsed as in git (dir.c, wildmatch.c). Patterns are binary strings with one character for each byte,
 * because git matches bytes: `?` is one byte. https://git-scm.com/docs/gitignore#_pattern_format
 */
export interface IgnorePattern {
  negated: boolean;
  directoryOnly: boolean;
  /** The path from the directory of the ignore file. A pattern without a slash begins with `ANY_DIRECTORIES`. */
  segments: readonly Segment[];
}

/** `**` between slashes: any number of directories; as the last segment, everything below. */
const ANY_DIRECTORIES = Symbol("**");
type Segment = readonly Token[] | typeof ANY_DIRECTORIES;
/** A literal byte, `*`, or a character class. */
type Token = { byte: string } | "star" | ByteSet;
/** A character class. `bytes` never contains a slash, which no class matches. */
interface ByteSet {
  negated: boolean;
  bytes: ReadonlySet<string>;
}

const NAMED_SETS: Record<string, RegExp> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the class of control characters
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t-\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};
/** Linux's limit of a file name (NAME_MAX). */
const MAX_NAME_BYTES = 255;
/** No path has more segments, because Linux limits it to 4096 bytes (PATH_MAX). */
const MAX_SEGMENTS = 2048;
const ASCII = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));

/** A part of a larger ignore file could end in the middle of a pattern, and that could match everything. */
export const MAX_IGNORE_BYTES = 256 * 1024;

/**
 * Returns the patterns of an ignore file in file order, without lines that can never match.
 * @returns null when it is larger than `MAX_IGNORE_BYTES`
 */
export function parseIgnoreFile(content: Buffer): IgnorePattern[] | null {
  if (content.length > MAX_IGNORE_BYTES) return null;
  const text = content.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  return text.split("\n").flatMap(parseLine);
}

function parseLine(line: string): IgnorePattern[] {
  if (line.startsWith("#")) return [];
  let pattern = withoutTrailingSpaces(line.replace(/\r$/, "").replace(/\0.*$/s, ""));
  const negated = pattern.startsWith("!");
  if (negated) pattern = pattern.slice(1);
  const directoryOnly = pattern.endsWith("/");
  if (directoryOnly) pattern = pattern.slice(0, -1);
  if (pattern === "") return [];
  const isPath = pattern.includes("/");
  return readings(pattern.replace(/^\//, ""), isPath).flatMap((reading) => {
    const tokens = tokenize(reading);
    if (tokens === null) return [];
    const segments = toSegments(tokens, isPath);
    if (segments.length > MAX_SEGMENTS || segments.some(neverMatches)) return [];
    return { negated, directoryOnly, segments: isPath ? segments : [ANY_DIRECTORIES, ...segments] };
  });
}

/** Whether no file name can match. */
function neverMatches(segment: Segment): boolean {
  if (segment === ANY_DIRECTORIES) return false;
  return segment.length === 0 || segment.filter((token) => token !== "star").length > MAX_NAME_BYTES;
}

/**
 * git compares the literal prefix of a path separately and matches the rest as a pattern of its own. So in `foo**` + `/bar` the
 * stars are a whole segment: it matches `foobar`, `foo/bar` and `foo1/2/bar`.
 */
function readings(pattern: string, isPath: boolean): string[] {
  const [, literal, rest] = /^([^*?[\\]*[^*?[\\/])\*{2,}(\/.*|)$/s.exec(pattern) ?? [];
  if (!isPath || literal === undefined || rest === undefined) return [pattern];
  return rest === ""
    ? [`${literal}*`, `${literal}*/**`]
    : [...readings(literal + rest.slice(1), true), `${literal}*/**${rest}`];
}

/** A space after a backslash is kept, and so is every other kind of whitespace. */
function withoutTrailingSpaces(line: string): string {
  let kept = 0;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === " ") continue;
    if (line[at] === "\\") at += 1;
    kept = at + 1;
  }
  return line.slice(0, kept);
}

const SLASH = "/";

/** @returns null for a pattern that never matches: with an unclosed class, or a backslash at its end */
function tokenize(pattern: string): (Token | typeof SLASH)[] | null {
  const tokens: (Token | typeof SLASH)[] = [];
  for (let at = 0; at < pattern.length; at++) {
    let char = pattern[at] as string;
    if (char === "*") tokens.push("star");
    else if (char === "?") tokens.push({ negated: true, bytes: new Set() });
    else if (char === "[") {
      const parsed = parseSet(pattern, at);
      if (parsed === null) return null;
      tokens.push(parsed.set);
      at = parsed.end;
    } else {
      if (char === "\\") {
        at += 1;
        if (at === pattern.length) return null;
        char = pattern[at] as string;
      }
      tokens.push(char === SLASH ? SLASH : { byte: char });
    }
  }
  return tokens;
}

/** @returns the class that begins at `start`, and the index of its closing bracket; null when it is malformed */
function parseSet(pattern: string, start: number): { set: ByteSet; end: number } | null {
  let at = start + 1;
  const negated = pattern[at] === "!" || pattern[at] === "^";
  if (negated) at += 1;
  const bytes = new Set<string>();
  let before = "";
  for (let first = true; first || pattern[at] !== "]"; at++, first = false) {
    let char = pattern[at];
    if (char === undefined) return null;
    const next = pattern[at + 1];
    if (char === "-" && before !== "" && next !== undefined && next !== "]") {
      at += next === "\\" ? 2 : 1;
      const last = pattern[at];
      if (last === undefined) return null;
      for (let code = before.charCodeAt(0); code <= last.charCodeAt(0); code++) bytes.add(String.fromCharCode(code));
      before = "";
      continue;
    }
    if (char === "[" && next === ":") {
      const end = pattern.indexOf("]", at + 2);
      if (end === -1) return null;
      if (end > at + 2 && pattern[end - 1] === ":") {
        const named = NAMED_SETS[pattern.slice(at + 2, end - 1)];
        if (named === undefined) return null;
        for (const byte of ASCII) if (named.test(byte)) bytes.add(byte);
        at = end;
        before = "";
        continue;
      }
    } else if (char === "\\") {
      at += 1;
      char = pattern[at];
      if (char === undefined) return null;
    }
    bytes.add(char);
    before = char;
  }
  bytes.delete(SLASH);
  return { set: { negated, bytes }, end: at };
}

/** Splits at slashes. Consecutive stars are one star, unless they are a whole segment of a path. */
function toSegments(tokens: readonly (Token | typeof SLASH)[], isPath: boolean): Segment[] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token === SLASH) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  const isAny = (part: Token[]) => isPath && part.length > 1 && part.every((token) => token === "star");
  return parts.map((part) => (isAny(part) ? ANY_DIRECTORIES : part));
}

/** Whether the pattern matches the directory that `names` lead to, from the directory of the ignore file. */
export function matchesDirectory({ segments }: IgnorePattern, names: readonly string[]): boolean {
  const [first, name] = segments;
  if (segments.length === 2 && first === ANY_DIRECTORIES && name !== undefined && name !== ANY_DIRECTORIES)
    return matchesName(name, Buffer.from(names.at(-1) ?? "").toString("latin1"));
  return advance(segments, names).has(segments.length);
}

/**
 * Returns what remains of a pattern below the directory that `names` lead to, from the directory of the ignore file: several
 * patterns if `**` can end at different places, none if the pattern cannot match there.
 */
export function patternsBelow(pattern: IgnorePattern, names: readonly string[]): IgnorePattern[] {
  const { segments } = pattern;
  const reached = [...advance(segments, names)].filter((index) => index < segments.length);
  return reached.map((index) => ({ ...pattern, segments: segments.slice(index) }));
}

/** Returns the possible numbers of segments that are consumed once all `names` have matched. */
function advance(segments: readonly Segment[], names: readonly string[]): Set<number> {
  let reached = new Set([0]);
  for (const name of names) {
    const next = new Set<number>();
    const bytes = Buffer.from(name).toString("latin1");
    for (const start of reached) {
      let index = start;
      for (; segments[index] === ANY_DIRECTORIES; index++) {
        next.add(index);
        if (index === segments.length - 1) next.add(segments.length);
      }
      const segment = segments[index];
      if (segment !== undefined && segment !== ANY_DIRECTORIES && matchesName(segment, bytes)) next.add(index + 1);
    }
    reached = next;
  }
  return reached;
}

/** Takes O(pattern length × name length) steps: a mismatch backtracks only to the last star. */
function matchesName(tokens: readonly Token[], name: string): boolean {
  let token = 0;
  let at = 0;
  let star = -1;
  let retry = 0;
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted === "star") {
      star = token;
      token += 1;
      retry = at;
    } else if (wanted !== undefined && matchesByte(wanted, name[at] as string)) {
      token += 1;
      at += 1;
    } else if (star !== -1) {
      retry += 1;
      at = retry;
      token = star + 1;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === "star");
}

function matchesByte(token: { byte: string } | ByteSet, byte: string): boolean {
  return "byte" in token ? token.byte === byte : token.bytes.has(byte) !== token.negated;
}

/**
 * Writes the pattern as a line for `rg --ignore-file` at the root, as a binary string. The line avoids all syntax in which git and
 * ripgrep differ (whitespace, braces, named classes, stars): it is a whole path, and all but letters and digits is escaped.
 * @param directory of the ignore file: `.`, or relative to the root
 * @returns null when ripgrep cannot express the pattern: a name with a line break, or one that is not UTF-8
 */
export function toRipgrepLine({ negated, directoryOnly, segments }: IgnorePattern, directory: string): string | null {
  const parts = directory === "." ? [] : directory.split("/").map(escapePath);
  for (const [index, segment] of segments.entries()) {
    if (segment === ANY_DIRECTORIES) parts.push(index === segments.length - 1 ? "**/*" : "**");
    else {
      const written = segment.map((token, at) => writeToken(token, segment[at - 1]));
      if (written.includes(null)) return null;
      parts.push(written.join(""));
    }
  }
  const line = `${negated ? "!" : ""}/${parts.join("/")}${directoryOnly ? "/" : ""}`;
  return checkLine(line);
}

/** Writes the line that matches exactly this path, as a binary string; null as for `toRipgrepLine`. */
export function exactLine(path: string, suffix: "" | "/" | "/*" | "/**/*", negated: boolean): string | null {
  return checkLine(`${negated ? "!" : ""}/${escapePath(path)}${suffix}`);
}

/** ripgrep stops reading at the first line that is not UTF-8, and trims Unicode whitespace at the end of a line. */
function checkLine(line: string): string | null {
  if (/[\r\n]/.test(line) || !isUtf8(Buffer.from(line, "latin1"))) return null;
  return line.replace(/[\xc2-\xf4][\x80-\xbf]+$/, "{$&}");
}

function escapePath(path: string): string {
  const bytes = Buffer.from(path).toString("latin1");
  return Array.from(bytes, (byte) => (byte === "/" ? byte : escapeByte(byte))).join("");
}

function escapeByte(byte: string): string {
  if (/[A-Za-z0-9\x80-\xff]/.test(byte)) return byte;
  // Whitespace at the end of a line would be trimmed, even after a backslash.
  return /\s/.test(byte) ? `[${byte}]` : `\\${byte}`;
}

function writeToken(token: Token, before: Token | undefined): string | null {
  if (token === "star") return before === "star" ? "" : "*";
  if ("byte" in token) return escapeByte(token.byte);
  // In UTF-8 a byte above 0x7f is never a whole character, so only ASCII can match.
  const bytes = ASCII.filter((byte) => token.bytes.has(byte) && !/[\0\r\n]/.test(byte));
  if (token.negated) return bytes.length === 0 ? "?" : `[!${writeSet(["/", ...bytes])}]`;
  if (bytes.length === 0) return null;
  // A class must not begin with `!` or `^`, which would negate it.
  if (bytes.every((byte) => byte === "!" || byte === "^"))
    return `{${bytes.map((byte) => escapeByte(byte)).join(",")}}`;
  return `[${writeSet(bytes)}]`;
}

/** In ripgrep's classes `]` is literal at the start, `-` at the end, and `!` and `^` anywhere but at the start. */
function writeSet(bytes: readonly string[]): string {
  const rank = (byte: string) => ["]", "", "!", "^", "-"].indexOf(/[\]!^-]/.test(byte) ? byte : "");
  return bytes.toSorted((a, b) => rank(a) - rank(b)).join("");
}
