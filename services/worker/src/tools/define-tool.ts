import { z } from "zod";
import type { ToolOffer } from "../turn/ports.ts";
import type { ProjectRoot } from "./root/project-root.ts";
import type { Limiter } from "./search/limiter.ts";
import { ToolFailure } from "./tool-failure.ts";

const RAW_SHOWN = 200;

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

interface Parameters extends Record<string, unknown> {
  type: "object";
  properties: Record<string, Record<string, unknown>>;
  required: string[];
}

/**
 * The JSON schema that a model server is given for a tool's input. Only what every server reads the same way is kept:
 * llama.cpp turns `maxLength` into a grammar too large to load, and others refuse `$schema` or `additionalProperties`.
 * What is dropped here is still checked when the arguments come.
 */
export function toParameters(input: z.ZodObject): Parameters {
  const schema = z.toJSONSchema(input, { io: "input" });
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    if (typeof property === "boolean" || typeof property.type !== "string") {
      throw new TypeError(`the input ${name} has no plain JSON type`);
    }
    const { type, description, minimum, maximum } = property;
    const kept: Record<string, unknown> = { type, description };
    if (minimum !== undefined) kept.minimum = minimum;
    // zod adds the largest safe integer, which says nothing to a model.
    if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) kept.maximum = maximum;
    return [name, kept] as const;
  });
  return { type: "object", properties: Object.fromEntries(properties), required: schema.required ?? [] };
}

/** Every mistake of a call's arguments in one line, and what the tool takes, so that the next call can be right. */
function listMistakes(error: z.ZodError, args: Record<string, unknown>, parameters: Parameters): string {
  const takes = `the tool takes ${describe(parameters)}`;
  if (typeof args._raw === "string") {
    return `the arguments were not a JSON object: ${JSON.stringify(args._raw.slice(0, RAW_SHOWN))}; ${takes}`;
  }
  const mistakes = error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => `${JSON.stringify(key)} is not known`);
    const name = issue.path.join(".");
    if (issue.code === "invalid_type" && !(name in args && args[name] !== null)) return [`${name} is required`];
    return [`${name}: ${issue.message.replace(/^Invalid input: /, "")}`];
  });
  return `${mistakes.join("; ")}; ${takes}`;
}

function describe({ properties, required }: Parameters): string {
  return Object.entries(properties)
    .map(([name, { type }]) => `${name} (${type}${required.includes(name) ? ", required" : ""})`)
    .join(", ");
}
