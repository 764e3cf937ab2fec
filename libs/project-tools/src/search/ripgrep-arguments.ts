import { escapeGlob } from "./read-globs.ts";

/** Larger files are not searched: they hold data, not code, and one line of 2 MB can make ripgrep use 140 MB. */
export const MAX_SEARCHED_BYTES = 2 * 1024 * 1024;

/**
 * The arguments of every run: ripgrep reads only the tree below its working directory, follows no symlink and runs no program.
 * It does not look for ignore files itself: it would follow a `.gitignore` that is a symlink out of the project, and the
 * results would reveal that file's content. `--no-ignore-messages` keeps error messages from quoting lines of the ignore file.
 * With more threads than one, paths pile up in its memory faster than they are read.
 * @param ignoreFiles written by `withIgnores`, in ascending precedence
 */
export function commonArguments(ignoreFiles: readonly string[]): string[] {
  return [
    ...["--no-config", "--color=never", "--no-messages", "--no-ignore-messages", "--threads=1"],
    ...["--hidden", "--no-follow", "--no-ignore"],
    ...ignoreFiles.flatMap((file) => ["--ignore-file", file]),
  ];
}

/** `--sort=path` makes the order of results deterministic; ripgrep then searches with one thread. The pattern comes on stdin. */
export function searchArguments(search: { fixedString: boolean; caseSensitive: boolean }): string[] {
  return [
    ...["--json", "--sort=path", "--crlf", `--max-filesize=${MAX_SEARCHED_BYTES}`, "--engine=default"],
    search.caseSensitive ? "--case-sensitive" : "--ignore-case",
    ...(search.fixedString ? ["--fixed-strings"] : []),
    "--file=-",
  ];
}

/** The globs, then those that exclude git's own directory and closed folders: the last matching glob wins. */
export function globArguments(globs: readonly string[], closed: readonly string[]): string[] {
  return [...globs, "!.git"].map((glob) => `--glob=${glob}`).concat(exclusions(closed));
}

/** Excludes files or folders, given by their paths from the root. */
export function exclusions(paths: readonly string[]): string[] {
  return paths.map((path) => `--glob=!/${escapeGlob(path)}`);
}

/** The path to search, always the last arguments: after `--` and `./`, a name that looks like an option stays a name. */
export function pathArguments(path: string): string[] {
  return ["--", path === "." ? "./" : `./${path}`];
}

/** Removes the `./` that ripgrep puts before each path. */
export function withoutDot(path: string): string {
  return path.replace(/^\.\/+/, "");
}
