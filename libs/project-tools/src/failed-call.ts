import type { ToolCall } from "@boocode/contracts";
import type { ToolOutcome } from "./ports.ts";

/** The outcome of a call that failed. The model reads `output`: it says what to do next and has no path of the host. */
export function failedCall({ id, name }: ToolCall, output: string): ToolOutcome {
  return { output, result: { tool_call_id: id, name, truncated: false, error: output } };
}

const LESS = "ask for less: a narrower path, glob or pattern";

/** Why a call ended before its tool did. */
export const tooMuch = {
  time: (ms: number) => `timed out after ${ms / 1000} s; ${LESS}`,
  memory: (megabytes: number) => `the tool used more than ${megabytes} MB of memory; ${LESS}`,
  cpu: (ms: number) => `the tool used more than ${ms / 1000} s of CPU time; ${LESS}`,
  died: () => `the tool's process ended unexpectedly; ${LESS}, or try the call once more`,
  notStarted: () => "the tool's process could not be started; try the call once more",
  waited: (ms: number) => `not run: other calls kept every slot for ${ms / 1000} s; try the call again later`,
};
