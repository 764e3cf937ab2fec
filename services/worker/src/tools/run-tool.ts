import { cleanText } from "@boocode/contracts";
import type { RunTool, ToolOffer, ToolOutcome } from "../turn/ports.ts";
import type { Tool, ToolAnswer } from "./define-tool.ts";
import { findFiles } from "./find-files.ts";
import { grep } from "./grep.ts";
import { listDir } from "./list-dir.ts";
import { cutOutput } from "./output/cut-output.ts";
import type { ProjectRoot } from "./root/project-root.ts";
import type { Limiter } from "./search/limiter.ts";
import { ToolFailure } from "./tool-failure.ts";
import { viewFile } from "./view-file.ts";

export interface ToolLimits {
  /** For one call, waiting for a free process included. */
  timeoutMs: number;
  /** UTF-8 bytes of an output, its notes included; not less than 1000. */
  outputBytes: number;
}

interface RunToolDeps {
  root: ProjectRoot;
  limits: ToolLimits;
  /** One for the whole process. */
  slots: Limiter;
  /** Told of what is no failure of the call but of ours or of the machine. */
  onDefect?: (error: unknown, tool: string) => void;
}

const TOOLS: readonly Tool[] = [viewFile, listDir, grep, findFiles];
const CUT = "[cut: the output is too long; ask for less]";

/** What the model may call. */
export const toolOffers: ToolOffer[] = TOOLS.map(({ offer }) => offer);

/**
 * Runs calls inside one project. Whatever goes wrong is an outcome with `error` set and told in `output`; it rejects only
 * with the reason of an aborted `signal`, at once. Outputs are clean (see `cleanText`) and within the limit.
 */
export function createRunTool({ root, limits, slots, onDefect }: RunToolDeps): RunTool {
  async function answer(name: string, args: Record<string, unknown>, signal: AbortSignal): Promise<ToolAnswer> {
    const tool = TOOLS.find(({ offer }) => offer.name === name);
    if (!tool)
      throw new ToolFailure(`unknown tool: ${name} (known: ${toolOffers.map((known) => known.name).join(", ")})`);
    const run = (within: AbortSignal) =>
      tool.run(args, { root, signal: within, outputBytes: limits.outputBytes, slots });
    return withTimeout(run, limits.timeoutMs, signal);
  }

  return async (call, signal): Promise<ToolOutcome> => {
    const finish = (text: string, truncated: boolean, failed: boolean): ToolOutcome => {
      const { text: output, cut } = cutOutput(cleanText(text), limits.outputBytes, CUT);
      const error = failed ? output : null;
      return { output, result: { tool_call_id: call.id, name: call.name, truncated: truncated || cut, error } };
    };
    try {
      const { output, truncated } = await answer(call.name, call.arguments, signal);
      return finish(output, truncated, false);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ToolFailure) return finish(error.message, false, true);
      onDefect?.(error, call.name);
      return finish(`${call.name} failed for a reason of the server's own; trying again may help`, false, true);
    }
  };
}

/**
 * Runs `work` for at most `ms` milliseconds and returns as soon as it, the time or `signal` ends. The signal given to
 * `work` aborts in both cases; work that does not listen is left behind, never waited for.
 */
export async function withTimeout<T>(
  work: (signal: AbortSignal) => Promise<T>,
  ms: number,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
  });
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const timer = setTimeout(() => {
    controller.abort(new ToolFailure(`timed out after ${ms / 1000} s; ask for less: a narrower path, glob or pattern`));
  }, ms);
  try {
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
