import type { z } from "zod";
import type { ToolOffer } from "../turn/ports.ts";
import type { Limiter } from "./limiter.ts";
import { listMistakes } from "./list-mistakes.ts";
import type { ProjectRoot } from "./project-root.ts";
import { toParameters } from "./to-parameters.ts";
import { ToolFailure } from "./tool-failure.ts";

export interface ToolContext {
  root: ProjectRoot;
  /** Aborts when the turn is cancelled and when the tool's time is up. */
  signal: AbortSignal;
  /** How many bytes of UTF-8 an output may have. A tool that keeps to it can say precisely how to go on. */
  outputBytes: number;
  /** How many ripgrep processes may run at once, over all tools of the process. */
  slots: Limiter;
}

export interface ToolAnswer {
  output: string;
  /** Something was left out, and the output says how to ask for it. */
  truncated: boolean;
}

export interface Tool {
  offer: ToolOffer;
  /** Checks the arguments and runs. Throws `ToolFailure` for what the model can mend. */
  run(args: Record<string, unknown>, context: ToolContext): Promise<ToolAnswer>;
}

interface ToolDefinition<Input extends z.ZodObject> extends Omit<ToolOffer, "parameters"> {
  /** A strict object, so that the model learns of an argument that the tool does not have. */
  input: Input;
  run(input: z.output<Input>, context: ToolContext): Promise<ToolAnswer>;
}

/** Makes a tool of what the model reads about it, an input schema and a function. */
export function defineTool<Input extends z.ZodObject>(definition: ToolDefinition<Input>): Tool {
  const { name, description, purpose, input } = definition;
  const parameters = toParameters(input);
  return {
    offer: { name, description, purpose, parameters },
    async run(args, context) {
      // Models write null for "not given"; it is never a value of ours.
      const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null));
      const parsed = input.safeParse(given);
      if (!parsed.success) throw new ToolFailure(`invalid input: ${listMistakes(parsed.error, args, parameters)}`);
      return definition.run(parsed.data, context);
    },
  };
}
