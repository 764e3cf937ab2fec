/** Larger files are data, not code, and one line of 2 MB can make ripgrep take 140 MB. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024;

/**
 * What every run of ripgrep gets. It reads nothing but the tree below its working directory, follows no symlink, and runs
 * no program. It reads no ignore file by itself either: it would follow a `.gitignore` that is a symlink to a file outside,
 * and what that file says could then be guessed from what is left out. `ignores` is a file that we wrote (see
 * `with-ignores.ts`), or null. `--no-ignore-messages`, as a complaint would quote lines of it.
 */
export function commonArguments(ignores: string | null): string[] {
  return [
    ...["--no-config", "--color=never", "--no-messages", "--no-ignore-messages", "--threads=2"],
    ...["--hidden", "--no-follow", "--no-ignore"],
    ...(ignores === null ? [] : ["--ignore-file", ignores]),
  ];
}

/** `--sort=path` makes ripgrep search with one thread, and two equal searches give equal answers. */
export function searchArguments(search: { pattern: string; fixedString: boolean; caseSensitive: boolean }): string[] {
  return [
    ...["--json", "--sort=path", "--crlf", `--max-filesize=${MAX_FILE_BYTES}`, "--engine=default"],
    search.caseSensitive ? "--case-sensitive" : "--ignore-case",
    ...(search.fixedString ? ["--fixed-strings"] : []),
    // A pattern that looks like an option (`--pre=…` runs a program) stays a pattern.
    ...["-e", search.pattern],
  ];
}

/** Globs, and git's own directory left out; the last one has the last word. */
export function globArguments(globs: string[]): string[] {
  return [...globs, "!.git"].map((glob) => `--glob=${glob}`);
}

/** The last arguments: where to look, told from a name that looks like an option. */
export function pathArguments(path: string): string[] {
  return ["--", path === "." ? "./" : `./${path}`];
}

/** ripgrep's name for a path, as ours. */
export function withoutDot(path: string): string {
  return path.replace(/^\.\/+/, "");
}
