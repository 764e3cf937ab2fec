import type { ToolContext } from "../define-tool.ts";
import { refusalOf } from "../project/open-errors.ts";
import { ToolFailure } from "../tool-failure.ts";
import { findNames } from "./find-names.ts";
import { listFolder } from "./list-folder.ts";
import { readFile } from "./read-file.ts";
import type { ReadAnswer, ReadWork } from "./read-work.ts";

type ReadContext = Pick<ToolContext, "root" | "signal" | "limits">;

/** Reads what the API asks for. What cannot be read is an answer; any other error is a defect. */
export async function answerRead(work: ReadWork, context: ReadContext): Promise<ReadAnswer> {
  const { root, signal } = context;
  try {
    if (work.kind === "file") return await readFile(root, work, signal);
    if (work.kind === "folder") return await listFolder(root, work, signal);
    return await findNames(work, { ...context, outputBytes: 0, note: () => {} });
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error;
    // A search opens no path that was asked for: it fails only when it takes too much.
    return { refused: work.kind === "names" ? "too_much" : refusalOf(error) };
  }
}
