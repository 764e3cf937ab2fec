import type { ToolCall } from "@boocode/contracts";
import type { Cited } from "../citations/find-move.ts";
import type { Judged, ShownLines } from "../citations/judge-citations.ts";
import type { ToolOutcome } from "../ports.ts";
import type { ProjectFolder } from "../project/open-folder.ts";
import type { ReadAnswer, ReadWork } from "../reading/read-work.ts";
import type { ToolLimits } from "../run-tool.ts";
import type { SearchLimits } from "../search/search-limits.ts";
import type { GroupName } from "../withheld/groups.ts";
import type { OwnPaths } from "../withheld/own-files.ts";
import type { UseLimits } from "./process-use.ts";

/** What holds for every call of a tool process. */
export interface ToolSettings {
  limits: ToolLimits;
  /** Groups of files that may hold secrets and are shown nevertheless. */
  groupsOff: readonly GroupName[];
  own: OwnPaths;
  search: SearchLimits;
  /** Set where the parent cannot watch what the process uses. */
  watchItself: UseLimits | null;
}

/** An answer's citations, and what the model has read of the lines, by path. */
export interface CitationWork {
  cited: readonly Cited[];
  shown: Readonly<Record<string, ShownLines>>;
}

/** What a tool process does in a project. */
export type Work = { call: ToolCall } | { citations: CitationWork } | { read: ReadWork };

/** The first message to a tool process has its settings. The next work is sent when the answer to the one before has arrived. */
export type ToToolProcess = { settings: ToolSettings } | ({ project: ProjectFolder } & Work);

/** The outcome of a call; the levels of citations, null when they could not be judged; what was read. */
export type WorkAnswer = { outcome: ToolOutcome } | { judged: Judged[] | null } | { read: ReadAnswer };

export type FromToolProcess =
  | "ready"
  /** `defect`: an error that was not expected, for the log. */
  | (WorkAnswer & { defect: { message: string; stack: string | undefined } | null });

/** The exit codes of a tool process that has exceeded a limit and watches itself. */
export const EXIT_CODES = { memory: 81, cpu: 82 };

/** How many projects a tool process keeps open. */
export const MOST_OPEN = 4;

/** The beginning of the name of a tool process' temporary folder. */
export const TEMPORARY = "boocode-tools-";
