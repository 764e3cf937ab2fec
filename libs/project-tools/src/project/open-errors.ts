import type { Stats } from "node:fs";
import { showPath } from "../output/show-path.ts";
import { ToolFailure } from "../tool-failure.ts";
import { OWN } from "../withheld/withholding.ts";

export type OpenKind = "file" | "directory" | "any";

/** What the model reads for each error code of the file system. Any other code is a defect or a failing disk. */
const EXPLANATIONS: Record<string, string> = {
  ENOENT: "does not exist; list_dir and find_files show what exists",
  ENOTDIR: "does not exist: a part of the path is a file; list_dir and find_files show what exists",
  ELOOP: "is a symlink that leads nowhere or is being changed",
  EACCES: "cannot be read: permission denied",
  EPERM: "cannot be read: permission denied",
  ENAMETOOLONG: "is too long for a path",
  ENXIO: "is not a regular file and cannot be read",
};

/** Turns an expected error of opening `asked` into a `ToolFailure` without any path of the host; returns others as they are. */
export function explainOpenError(error: unknown, asked: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const explanation = EXPLANATIONS[code];
  return explanation ? new ToolFailure(`${showPath(asked)} ${explanation}`, { cause: error }) : error;
}

/** @throws ToolFailure when the path is neither a regular file nor a directory, or not the requested kind */
export function requireKind(stats: Stats, kind: OpenKind, asked: string): void {
  if (stats.isDirectory()) {
    if (kind === "file") throw wrongKind(asked, "is a directory; use list_dir");
  } else if (!stats.isFile()) {
    throw wrongKind(asked, "is not a regular file (a pipe, socket or device) and cannot be read");
  } else if (kind === "directory") {
    throw wrongKind(asked, "is a file; use view_file");
  }
}

/** A file that exists in the project and that no tool shows. */
export class WithheldFailure extends ToolFailure {
  constructor(asked: string, group: string) {
    const reason = group === OWN ? "belongs to the system" : `may hold secrets (${group})`;
    super(`${showPath(asked)} is withheld because it ${reason}: no tool shows its content`);
  }
}

export function wrongKind(asked: string, problem: string): ToolFailure {
  return new ToolFailure(`${showPath(asked)} ${problem}`);
}
