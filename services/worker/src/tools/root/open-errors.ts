import type { Stats } from "node:fs";
import { showPath } from "../output/show-path.ts";
import { ToolFailure } from "../tool-failure.ts";

export type OpenKind = "file" | "directory" | "any";

/** What a model is told of an error code of the file system. A code that is not here is a defect or a sick disk. */
const EXPLANATIONS: Record<string, string> = {
  ENOENT: "does not exist; list_dir and find_files show what does",
  ENOTDIR: "does not exist: a part of the path is a file; list_dir and find_files show what does",
  ELOOP: "is a symlink that leads nowhere, or that is being changed",
  EACCES: "may not be read",
  EPERM: "may not be read",
  ENAMETOOLONG: "is too long for a path",
  ENXIO: "is no regular file and cannot be read",
};

/** Turns an expected error of opening `asked` into what the model reads, without any path of the host. */
export function explainOpenError(error: unknown, asked: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const explanation = EXPLANATIONS[code];
  return explanation ? new ToolFailure(`${showPath(asked)} ${explanation}`, { cause: error }) : error;
}

/** Refuses what is neither a regular file nor a directory, and the one where the other was asked for. */
export function requireKind(stats: Stats, kind: OpenKind, asked: string): void {
  if (stats.isDirectory()) {
    if (kind === "file") throw wrongKind(asked, "is a directory; use list_dir");
  } else if (!stats.isFile()) {
    throw wrongKind(asked, "is no regular file (a pipe, socket or device) and cannot be read");
  } else if (kind === "directory") {
    throw wrongKind(asked, "is a file; use view_file");
  }
}

export function wrongKind(asked: string, what: string): ToolFailure {
  return new ToolFailure(`${showPath(asked)} ${what}`);
}
