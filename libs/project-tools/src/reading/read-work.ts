import type { FileLines, FolderPage, FoundFiles } from "@boocode/contracts";
import type { OpenRefusal } from "../project/open-errors.ts";

/** What the API reads of a project. */
export type ReadWork =
  | { kind: "file"; path: string; first: number; last?: number | undefined }
  | { kind: "folder"; path: string; limit: number; after?: string | undefined }
  | { kind: "names"; text: string; limit: number };

interface ReadAnswers {
  file: FileLines;
  folder: FolderPage;
  names: FoundFiles;
}

/**
 * Why nothing was read. `too_much`: it took more time, CPU time or memory than one read may. `busy`: others hold the processes, or
 * none could be started. `replaced`: the project's folder was moved or replaced meanwhile.
 */
export type ReadRefusal = OpenRefusal | "binary" | "too_large" | "too_much" | "busy" | "replaced" | "failed";

export type ReadAnswer<W extends ReadWork = ReadWork> = ReadAnswers[W["kind"]] | { refused: ReadRefusal };
