import type { RunTool, ToolOffer, ToolOutcome } from "../turn/ports.ts";
import { cleanText } from "./clean-text.ts";
import { cutText } from "./cut-text.ts";
import type { Tool, ToolAnswer } from "./define-tool.ts";
import { findFiles } from "./find-files.ts";
import { grep } from "./grep.ts";
import type { Limiter } from "./limiter.ts";
import { listDir } from "./list-dir.ts";
import type { ProjectRoot } from "./project-root.ts";
import { ToolFailure } from "./tool-failure.ts";
import { viewFile } from "./view-file.ts";
import { withinTime } from "./within-time.ts";

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
    return withinTime(run, limits.timeoutMs, signal);
  }

  return async (call, signal): Promise<ToolOutcome> => {
    const finish = (text: string, truncated: boolean, failed: boolean): ToolOutcome => {
      const { text: output, cut } = cutText(cleanText(text), limits.outputBytes, CUT);
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
