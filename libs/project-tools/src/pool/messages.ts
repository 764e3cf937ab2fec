import type { ToolCall } from "@boocode/contracts";
import type { ToolOutcome } from "../ports.ts";
import type { ProjectFolder } from "../project/open-folder.ts";
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

/** The first message to a tool process has its settings. The next call is sent when the outcome of the one before has arrived. */
export type ToToolProcess = { settings: ToolSettings } | { project: ProjectFolder; call: ToolCall };

export type FromToolProcess =
  | "ready"
  /** `defect`: an error that no tool expected, for the log. */
  | { outcome: ToolOutcome; defect: { message: string; stack: string | undefined } | null };

/** The exit codes of a tool process that has exceeded a limit and watches itself. */
export const EXIT_CODES = { memory: 81, cpu: 82 };

/** How many projects a tool process keeps open. */
export const MOST_OPEN = 4;
