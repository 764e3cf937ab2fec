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

/** Why a path was not opened, for readers other than models. `missing` also for what lies outside the root: its place is not told. */
export type OpenRefusal = "missing" | "withheld" | "denied" | "not_a_file" | "not_a_folder";

export function refusalOf(failure: ToolFailure): OpenRefusal {
  if (failure instanceof WithheldFailure) return "withheld";
  if (failure instanceof WrongKind) return failure.wanted === "directory" ? "not_a_folder" : "not_a_file";
  const code = failure.cause instanceof Error && "code" in failure.cause ? failure.cause.code : null;
  if (code === "EACCES" || code === "EPERM") return "denied";
  return code === "ENXIO" ? "not_a_file" : "missing";
}

/** @throws ToolFailure when the path is neither a regular file nor a directory, or not the requested kind */
export function requireKind(stats: Stats, kind: OpenKind, asked: string): void {
  if (stats.isDirectory()) {
    if (kind === "file") throw new WrongKind(asked, kind, "is a directory; use list_dir");
  } else if (!stats.isFile()) {
    throw new WrongKind(asked, kind, "is not a regular file (a pipe, socket or device) and cannot be read");
  } else if (kind === "directory") {
    throw new WrongKind(asked, kind, "is a file; use view_file");
  }
}

/** A file that exists in the project and that no tool shows. */
export class WithheldFailure extends ToolFailure {
  constructor(asked: string, group: string) {
    const reason = group === OWN ? "belongs to the system" : `may hold secrets (${group})`;
    super(`${showPath(asked)} is withheld because it ${reason}: no tool shows its content`);
  }
}

/** Something else is there than what was wanted. */
class WrongKind extends ToolFailure {
  readonly wanted: OpenKind;

  constructor(asked: string, wanted: OpenKind, problem: string) {
    super(`${showPath(asked)} ${problem}`);
    this.wanted = wanted;
  }
}
