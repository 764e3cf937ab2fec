import type { ToolCall } from "@boocode/contracts";
import type { RunTool, ToolOutcome } from "@boocode/project-tools/ports";
import type { WaitEvent } from "./ports.ts";

/** Limit of calls of one reply that run. Models that fall into a loop make hundreds. */
export const MAX_CALLS = 32;

function notRun({ id, name }: ToolCall): ToolOutcome {
  const output = `not run: a reply may make ${MAX_CALLS} calls at most; look at these results first`;
  return { output, result: { tool_call_id: id, name, truncated: false, error: output } };
}

/**
 * Runs the calls of one reply concurrently, and tells when none of them runs yet: a user's calls run in their order, so the first
 * one waits only as long as all do.
 * @returns the outcomes in the order of the calls
 * @throws the signal's reason when it aborts
 */
export async function* runCalls(
  runTool: RunTool,
  calls: readonly ToolCall[],
  signal: AbortSignal,
): AsyncGenerator<WaitEvent, ToolOutcome[]> {
  let tell = (_ahead: number) => {};
  const told = new Promise<number>((resolve) => {
    tell = resolve;
  });
  const ended = Promise.all(
    calls.map((call, index) => {
      if (index >= MAX_CALLS) return notRun(call);
      return runTool(call, signal, index === 0 ? tell : undefined);
    }),
  );
  // The consumer may stop at the notice; the calls then end by the signal, and the race handles their rejection.
  const first = await Promise.race([ended, told]);
  if (typeof first === "number") yield { type: "waiting", reason: "tools", retryInMs: null, ahead: first };
  return await ended;
}
