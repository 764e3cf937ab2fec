import { cleanText, cutText } from "@boocode/contracts";
import { foreignTool } from "./argument-names.ts";
import { meantTool } from "./calls/meant-tool.ts";
import type { Tool, ToolAnswer } from "./define-tool.ts";
import { tooMuch } from "./failed-call.ts";
import { findFiles } from "./find-files.ts";
import { grep } from "./grep.ts";
import { listDir } from "./list-dir.ts";
import { cutOutput } from "./output/cut-output.ts";
import { type ShownEntry, toEvidence } from "./output/to-evidence.ts";
import type { RunTool, ToolOffer, ToolOutcome } from "./ports.ts";
import type { ProjectRoot } from "./project/project-root.ts";
import type { SearchLimits } from "./search/search-limits.ts";
import { ToolFailure } from "./tool-failure.ts";
import { viewFile } from "./view-file.ts";

export interface ToolLimits {
  /** Time-out of one call. */
  timeoutMs: number;
  /** Limit of one output in UTF-8 bytes, including its notes; at least 1000. */
  outputBytes: number;
}

interface RunToolDeps {
  root: ProjectRoot;
  limits: ToolLimits;
  /** Of each ripgrep process. */
  search: SearchLimits;
  /** Called with every error that is not a `ToolFailure`: a defect, or a fault of the machine. */
  onDefect?: (error: unknown, tool: string) => void;
}

/** Every tool. A new one is added here, and is then offered, run, limited and named in the system prompt. */
const TOOLS: readonly Tool[] = [viewFile, listDir, grep, findFiles];
const MAX_SHOWN_NAME = 60;
const CUT = "[cut: the output is too long; ask for less]";

/** The tools as the model sees them. */
export const toolOffers: ToolOffer[] = TOOLS.map(({ offer }) => offer);
const TOOL_NAMES = toolOffers.map(({ name }) => name);

/**
 * Returns a function that runs tool calls inside one project. Every failure becomes an outcome with `error` set; the
 * function rejects only when `signal` aborts, immediately and with its reason. Outputs are clean (see `cleanText`) and
 * within the byte limit.
 */
export function createRunTool({ root, limits, search, onDefect }: RunToolDeps): RunTool {
  async function answer(name: string, args: Record<string, unknown>, signal: AbortSignal): Promise<ToolAnswer> {
    const meant = meantTool(name, TOOL_NAMES) ?? foreignTool(name);
    const tool = TOOLS.find(({ offer }) => offer.name === meant);
    if (!tool)
      throw new ToolFailure(`unknown tool: ${name} (known: ${toolOffers.map((known) => known.name).join(", ")})`);
    const notes = meant === name ? [] : [`the tool ${cutText(name, MAX_SHOWN_NAME)} was taken as ${meant}`];
    const run = (callSignal: AbortSignal) =>
      tool.run(args, { root, signal: callSignal, outputBytes: limits.outputBytes, limits: search }, notes);
    return withTimeout(run, limits.timeoutMs, signal);
  }

  return async (call, signal): Promise<ToolOutcome> => {
    const finish = (text: string, truncated: boolean, shown: readonly ShownEntry[] | null): ToolOutcome => {
      const { text: output, whole, cut } = cutOutput(cleanText(text), limits.outputBytes, CUT);
      const error = shown === null ? output : null;
      return {
        output,
        result: { tool_call_id: call.id, name: call.name, truncated: truncated || cut, error },
        evidence: toEvidence(output, whole, shown ?? []),
      };
    };
    try {
      const { output, truncated, shown } = await answer(call.name, call.arguments, signal);
      return finish(output, truncated, shown);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ToolFailure) return finish(error.message, false, null);
      onDefect?.(error, call.name);
      return finish(`${call.name} failed because of an internal error; try the call once more`, false, null);
    }
  };
}

/**
 * Runs `work` for at most `ms` milliseconds. Settles as soon as the work settles, the time is up or `signal` aborts. In the
 * last two cases it aborts the signal given to `work`, unlike the runtime's `withDeadline`. Work that ignores its signal is
 * abandoned, not awaited.
 */
export async function withTimeout<T>(
  work: (signal: AbortSignal) => Promise<T>,
  ms: number,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
  });
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const timer = setTimeout(() => {
    controller.abort(new ToolFailure(tooMuch.time(ms)));
  }, ms);
  try {
    return await Promise.race([work(controller.signal), aborted]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
