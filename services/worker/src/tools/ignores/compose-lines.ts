import type { Rules } from "./find-rules.ts";
import { exactLine, type IgnorePattern, toRipgrepLine } from "./ignore-pattern.ts";

/** Limit for all ignore files together: each pattern costs memory here and in ripgrep. */
const MAX_PATTERNS = 20_000;

/**
 * Composes the lines of the ignore file. In ripgrep the last matching line decides, so parents come before children. Lines beyond
 * the limit are dropped, those of the deepest directories first.
 */
export function composeLines({ outer, directories }: Rules, rescued: readonly string[]): string[] {
  const depth = (path: string) => (path === "." ? 0 : path.split("/").length);
  const sorted = [...directories].sort(([a], [b]) => depth(a) - depth(b));
  const lines = toLines(outer, ".");
  for (const [directory, { repository, patterns }] of sorted) {
    // A repository's patterns do not apply inside a repository nested in it.
    if (repository && directory !== ".") lines.push(...reset(directory));
    if (repository) append(lines, toLines(repository.exclude, directory));
    append(lines, toLines(patterns[".gitignore"], directory));
  }
  lines.splice(MAX_PATTERNS);
  append(lines, rescued);
  const own = sorted.flatMap(([directory, { patterns }]) => toLines(patterns[".ignore"], directory));
  append(lines, own.slice(0, MAX_PATTERNS));
  return lines;
}

function toLines(patterns: readonly IgnorePattern[], directory: string): string[] {
  return patterns.flatMap((pattern) => toRipgrepLine(pattern, directory) ?? []);
}

/** Adds one by one: a spread of 125,000 arguments exceeds the stack. */
export function append(lines: string[], more: readonly string[]): void {
  for (const line of more) lines.push(line);
}

function reset(directory: string): string[] {
  const line = exactLine(directory, "/**/*", true);
  return line === null ? [] : [line];
}
