import type { ShownFile, ToolCall, ToolResult } from "@boocode/contracts";

/** The interfaces through which others use the tools. */

/** A tool as the model sees it. */
export interface ToolOffer {
  name: string;
  description: string;
  /** Follows the tool's name in the system prompt, such as "to search the text of files". */
  purpose: string;
  /** A JSON schema of type object. */
  parameters: Record<string, unknown>;
}

/** A finished tool call: its output for the model, and its facts. A failed call is a result too, not an exception. */
export interface ToolOutcome {
  output: string;
  result: ToolResult;
  /** What the output shows of the project's files; absent: nothing. */
  evidence?: ShownFile[];
}

/**
 * Runs one call inside the project's root. Throws only when `signal` aborts.
 * @param onWait called at most once, when the call does not run after a moment, because others hold what it needs; with how many
 * calls go first
 */
export type RunTool = (call: ToolCall, signal: AbortSignal, onWait?: (ahead: number) => void) => Promise<ToolOutcome>;
