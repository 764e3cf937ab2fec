import { posix } from "node:path";
import { ToolFailure } from "../tool-failure.ts";

/** The context in which a call's globs are interpreted. */
export interface GlobScope {
  /** The directory that is searched: `.`, or relative to the root. */
  directory: string;
  /** The absolute paths of the project's root, with which models may begin a glob. */
  roots: readonly string[];
}

/** Each becomes one argument of ripgrep. */
const MAX_GLOBS = 256;

/**
 * Converts the globs of a call, as models write them, to values of ripgrep's `--glob`: lists (`*.ts,*.tsx`), braces with
 * ranges and empty alternatives, brackets that are part of a name (`app/[id]/page.tsx`), the name of a directory for
 * everything below it, absolute paths, backslashes. Where a glob has two readings, both are searched.
 *
 * A glob without a slash matches names anywhere below the directory; one with a slash is a path from it, or from the root
 * when it repeats the directory. A leading `!` excludes, whatever its position in the list.
 * @throws ToolFailure for a glob that cannot be converted
 */
export function readGlobs(text: string, scope: GlobScope): string[] {
  return readAll(listGlobs(text), scope);
}

/** Converts paths that are themselves globs, relative to the root; `glob` selects among what is below them. */
export function globsBelow(paths: string, glob: string | undefined, roots: readonly string[]): string[] {
  const names = glob === undefined ? [] : listGlobs(glob);
  const globs = listGlobs(paths).flatMap((path) => {
    // A wildcard without a directory means names anywhere, as it does in a glob.
    if (glob === undefined) return [/[*?]/.test(path) && !path.includes("/") ? path : posix.join("/", path)];
    return names.map((name) => {
      const sign = name.startsWith("!") ? "!" : "";
      const plain = name.slice(sign.length);
      return sign + posix.join("/", path, plain.includes("/") ? plain : `**/${plain}`);
    });
  });
  return readAll(globs, { directory: ".", roots });
}

function readAll(texts: readonly string[], scope: GlobScope): string[] {
  const including: string[] = [];
  const excluding: string[] = [];
  for (const glob of texts) {
    const excludes = glob.startsWith("!");
    if (/^!\([^)]*\)[^/]/.test(glob)) throw unavailable(glob);
    const plain = excludes ? glob.slice(1).trim() : glob;
    for (const scoped of readOne(plain, scope)) {
      if (excludes) excluding.push(`!${scoped}`);
      else including.push(scoped);
    }
  }
  // The last glob that matches decides.
  const globs = [...new Set([...including, ...excluding].flatMap(normalForms))];
  requireFew(globs.length);
  return globs;
}

/** Whether any of the globs includes paths; otherwise they only exclude. */
export function selects(globs: readonly string[]): boolean {
  return globs.some((glob) => !glob.startsWith("!"));
}

/** Returns the globs for one path from the root, taken literally, and for everything below it. */
export function globsOfName(path: string): string[] {
  const name = `/${escapeGlob(path)}`;
  return [name, `${name}/**`];
}

/**
 * Returns what globs that matched nothing may have meant: the same names in any directory below, a bare extension
 * (`ts`), a regular expression (`.*\.ts$`).
 */
export function anywhere(globs: readonly string[]): string[] {
  return globs.flatMap((glob) => {
    const wide = glob.startsWith("/") ? `**${glob}` : glob;
    const ending = /^\.?(\w{1,6})$/.exec(glob)?.[1];
    const plain = wide
      .replace(/^\^|\$$/g, "")
      .replaceAll(".*", "*")
      .replaceAll("\\.", ".");
    return [wide, ...(ending ? [`*.${ending}`] : []), ...(plain === wide ? [] : [plain])];
  });
}

/** Splits a list of globs. The whole text is also returned where it may be one name: `a,v`. */
function listGlobs(text: string): string[] {
  const plain = unquoted(text.trim());
  const array = /^\[\s*"/.test(plain) ? parseStrings(plain) : null;
  if (array) return array.flatMap(listGlobs);
  const parts = splitOutside(plain, /[,;|\n]/)
    .flatMap((part) => splitAtBlanks(part.trim()))
    .map((part) => unquoted(part))
    .filter((part) => part !== "" && part !== "!");
  return parts.length > 1 && !parts.some((part) => part.startsWith("!")) ? [...parts, plain] : parts;
}

function unquoted(text: string): string {
  return /^(["'`])((?:(?!\1).)+)\1$/s.exec(text)?.[2]?.trim() ?? text;
}

function parseStrings(text: string): string[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : null;
  } catch {
    return null;
  }
}

/** `*.ts *.tsx` is a list, but a name may also contain spaces. */
function splitAtBlanks(text: string): string[] {
  const parts = text.split(/\s+/);
  return parts.length > 1 && parts.every((part) => /^!?(\*|[^*]*\/.*\*)/.test(part)) ? parts : [text];
}

/** An escaped character, a class, or one character. */
const TOKEN = /\\[\s\S]|\[[!^]?\]?[^\]/]*\]|[\s\S]/gu;
const tokensOf = (text: string) => text.match(TOKEN) ?? [];

/** Splits at a separator that stands outside braces and parentheses. */
function splitOutside(text: string, separator: RegExp): string[] {
  const parts = [""];
  let depth = 0;
  for (const token of tokensOf(text)) {
    if (token === "{" || token === "(") depth += 1;
    if (token === "}" || token === ")") depth -= 1;
    if (depth === 0 && separator.test(token) && token.length === 1) parts.push("");
    else parts[parts.length - 1] += token;
  }
  return parts;
}

function readOne(glob: string, { directory, roots }: GlobScope): string[] {
  return withSlashes(glob).flatMap((text) => {
    const root = roots.find((path) => text === path || text.startsWith(`${path.replace(/\/$/, "")}/`));
    if (root !== undefined) return scoped(text.slice(root.length) || "/", ".");
    const relative = text.replace(/^(\.?\/)+/, "");
    const repeats = directory !== "." && (relative === directory || relative.startsWith(`${directory}/`));
    return [...scoped(text, directory), ...(repeats ? scoped(`/${relative}`, ".") : [])];
  });
}

/** Returns the readings of a glob with backslashes: as escapes, and as Windows separators. */
function withSlashes(glob: string): string[] {
  if (!glob.includes("\\")) return [glob];
  // Before a letter or digit a backslash escapes nothing.
  const partly = glob.replaceAll(/\\(?=[\p{L}\p{N}_@-])/gu, "/").replace(/\\$/, "/");
  return /\/|\\[{},]/.test(glob) ? [partly] : [...new Set([partly, glob.replaceAll("\\", "/")])];
}

function scoped(glob: string, directory: string): string[] {
  const prefix = directory === "." ? "" : `/${escapeGlob(directory)}`;
  return expand(tokensOf(asBraces(glob))).flatMap((text) => {
    const path = withRecursion(posix.normalize(text));
    if (path.startsWith("../")) {
      throw new ToolFailure(`the glob ${glob} leads out of the directory; give a glob below path`);
    }
    if (!path.includes("/")) return path === "**" ? [`${prefix}/**`] : [path, ...below(`${prefix}/**/${path}`)];
    const anchored = `${prefix}/${path.replace(/^\/+/, "")}`;
    return anchored.endsWith("/") ? [`${anchored}**`] : [anchored, ...below(anchored)];
  });
}

/** Returns the glob for everything below a path whose last name has no wildcard, because it may be a directory. */
function below(path: string): string[] {
  return /[*?]/.test(posix.basename(path)) ? [] : [`${path}/**`];
}

/** In ripgrep `**` works only as a whole name, unlike in `src/**.ts`. Go writes `./...` for everything below. */
function withRecursion(path: string): string {
  if (path === "." || path === "./") return "**";
  return path
    .replace(/(^|\/)\.{3}$/, "$1**")
    .replaceAll(/(^|\/)\*{2,}(?=[^/*])/g, "$1**/*")
    .replaceAll(/(^|\/)\*{3,}(?=\/|$)/g, "$1**");
}

/** Converts alternatives in parentheses to braces, with or without a prefix: `*.@(ts|tsx)`, `*.(ts|tsx)`. */
function asBraces(glob: string): string {
  if (/!\([^)]*\)/.test(glob)) throw unavailable(glob);
  return glob
    .replaceAll(/[@+*?]?\(([^()|/]*(?:\|[^()|/]*)+)\)/g, (all, inner: string) => {
      const options = inner.replaceAll("|", ",");
      return all.startsWith("?") || all.startsWith("*") ? `{,${options}}` : `{${options}}`;
    })
    .replaceAll(/\?\(([^()|/]+)\)/g, "{,$1}");
}

function unavailable(glob: string): ToolFailure {
  return new ToolFailure(`!(…) is not supported in the glob ${glob}; list what to exclude, such as *.ts,!*.test.ts`);
}

/** Expands all braces of the tokens. An unclosed brace is kept, and ripgrep reports it. */
function expand(tokens: readonly string[]): string[] {
  const open = tokens.indexOf("{");
  const close = closing(tokens, open);
  if (close === -1) return [tokens.map(withLiteralClass).join("")];
  const options = alternatives(tokens.slice(open + 1, close));
  const single = options.length === 1 ? (options[0] ?? []) : null;
  const head = tokens.slice(0, open).map(withLiteralClass).join("");
  const inner = single ? (rangeOf(single.join("")) ?? asName(expand(single))) : options.flatMap(expand);
  const tails = expand(tokens.slice(close + 1));
  requireFew(inner.length * tails.length);
  return inner.flatMap((text) => tails.map((tail) => head + text + tail));
}

/** Braces around a single alternative may be part of a name: `{{cookiecutter.name}}`. */
function asName(texts: string[]): string[] {
  requireFew(2 * texts.length);
  return [...texts, ...texts.map((text) => `\\{${text}\\}`)];
}

function closing(tokens: readonly string[], open: number): number {
  if (open === -1) return -1;
  let depth = 0;
  return tokens.findIndex((token, index) => {
    if (index < open) return false;
    if (token === "{") depth += 1;
    if (token === "}") depth -= 1;
    return depth === 0;
  });
}

function alternatives(tokens: readonly string[]): string[][] {
  const options: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token === "{") depth += 1;
    if (token === "}") depth -= 1;
    if (depth === 0 && token === ",") options.push([]);
    else options.at(-1)?.push(token);
  }
  return options.map(withoutBlanks);
}

/** Trims an alternative, as in `{ts, tsx}`. */
function withoutBlanks(tokens: readonly string[]): string[] {
  const isText = (token: string) => token.trim() !== "";
  return tokens.slice(tokens.findIndex(isText), tokens.findLastIndex(isText) + 1);
}

/** Expands `1..3`, `01..10` or `a..c`; null for anything else. */
function rangeOf(text: string): string[] | null {
  const match = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text) ?? /^([a-z])\.\.([a-z])$/i.exec(text);
  const [from, to] = [match?.[1], match?.[2]];
  if (from === undefined || to === undefined) return null;
  const isNumber = /\d/.test(from);
  const [first, last] = isNumber ? [Number(from), Number(to)] : [from.charCodeAt(0), to.charCodeAt(0)];
  const size = Math.abs(last - first) + 1;
  requireFew(size);
  const width = isNumber && /^0\d/.test(from) ? Math.max(from.length, to.length) : 0;
  return Array.from({ length: size }, (_, index) => {
    const value = first + Math.sign(last - first) * index;
    return isNumber ? String(value).padStart(width, "0") : String.fromCharCode(value);
  });
}

/** Makes a class also match its own text, as in the name of a route: `[id]`. */
function withLiteralClass(token: string): string {
  if (token.length < 2 || !token.startsWith("[")) return token;
  const literal = escapeGlob(token);
  return isClass(token.slice(1, -1).replace(/^[!^]/, "")) ? `{${token},${literal}}` : literal;
}

function isClass(body: string): boolean {
  return body !== "" && [...body.matchAll(/(.)-(.)/gsu)].every(([, from = "", to = ""]) => from <= to);
}

/** Names on disk may be composed (NFC) or decomposed (NFD), as macOS writes them. */
function normalForms(glob: string): string[] {
  return [...new Set([glob, glob.normalize("NFC"), glob.normalize("NFD")])];
}

function requireFew(count: number): void {
  if (count > MAX_GLOBS) {
    throw new ToolFailure(`the glob expands to more than ${MAX_GLOBS} globs; use fewer alternatives, or *`);
  }
}

/** Returns a glob that matches only this text. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]{},!#]/g, "\\$&");
}
