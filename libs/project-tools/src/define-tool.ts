import { cutText } from "@boocode/contracts";
import { z } from "zod";
import type { ShownEntry } from "./output/to-evidence.ts";
import type { ToolOffer } from "./ports.ts";
import type { ProjectRoot } from "./project/project-root.ts";
import { type Parameters, repairArguments } from "./repair-arguments.ts";
import type { SearchLimits } from "./search/search-limits.ts";
import { ToolFailure } from "./tool-failure.ts";

/** The most characters of malformed arguments that an error message quotes. */
const QUOTED_CHARACTERS = 200;
/** Limit of the line that says how a call was interpreted. */
const NOTE_CHARACTERS = 600;
/** Guaranteed room for a tool's output, whatever the length of the notes. */
const MIN_OUTPUT_BYTES = 400;

export interface ToolContext {
  root: ProjectRoot;
  /** Aborts when the turn is cancelled or the call times out. */
  signal: AbortSignal;
  /** Limit of the output in UTF-8 bytes. A tool that keeps within it can say exactly how to get the rest. */
  outputBytes: number;
  /** Of each ripgrep process. */
  limits: SearchLimits;
  /** Tells the model how its call was interpreted, in a line before the output. */
  note(text: string): void;
}

export interface ToolAnswer {
  output: string;
  /** Something was left out; the output says how to ask for it. */
  truncated: boolean;
  /** What the lines of the output show of the project's files, in their order. */
  shown: readonly ShownEntry[];
}

export interface Tool {
  offer: ToolOffer;
  /**
   * Repairs and validates the arguments and runs the tool.
   * @param notes how the call was interpreted so far
   * @throws ToolFailure for an error that the model can correct
   */
  run(args: Record<string, unknown>, context: CallContext, notes?: readonly string[]): Promise<ToolAnswer>;
}

type CallContext = Omit<ToolContext, "note">;

interface ToolDefinition<Input extends z.ZodObject> extends Omit<ToolOffer, "parameters"> {
  /** A strict object, so that the model is told of an argument that the tool does not have. */
  input: Input;
  run(input: z.output<Input>, context: ToolContext): Promise<ToolAnswer>;
}

/** Builds a tool: derives the JSON schema from `input`, and validates the arguments of each call against it. */
export function defineTool<Input extends z.ZodObject>(definition: ToolDefinition<Input>): Tool {
  const { name, description, purpose, input } = definition;
  const parameters = toParameters(input);
  return {
    offer: { name, description, purpose, parameters },
    async run(args, context, before = []) {
      const repaired = repairArguments(args, parameters);
      const parsed = input.safeParse(repaired.args);
      if (!parsed.success)
        throw new ToolFailure(`invalid input: ${describeErrors(parsed.error, repaired.args, parameters)}`);
      const notes = [...before, ...repaired.notes];
      const heading = () => (notes.length === 0 ? "" : `[${cutText(notes.join("; "), NOTE_CHARACTERS)}]\n`);
      const answer = await definition.run(parsed.data, {
        ...context,
        note: (text) => {
          if (!notes.includes(text)) notes.push(text);
        },
        // A tool must read this after its last note, because notes take room.
        get outputBytes() {
          return Math.max(MIN_OUTPUT_BYTES, context.outputBytes - Buffer.byteLength(heading()));
        },
      });
      const above = heading();
      const moved = above.split("\n").length - 1;
      const shown = moved === 0 ? answer.shown : answer.shown.map((entry) => ({ ...entry, at: entry.at + moved }));
      return { ...answer, output: above + answer.output, shown };
    },
  };
}

/**
 * The JSON schema of a tool's input, reduced to what every model server supports: llama.cpp turns `maxLength` into a
 * grammar too large to load, and others reject `$schema` or `additionalProperties`. The dropped limits are still
 * enforced when the call arrives. A default is stated in the description.
 */
export function toParameters(input: z.ZodObject): Parameters {
  const schema = z.toJSONSchema(input, { io: "input" });
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    if (typeof property === "boolean" || typeof property.type !== "string") {
      throw new TypeError(`the input ${name} has no plain JSON type`);
    }
    const { type, minimum, maximum } = property;
    // The description of a string parameter already states its default in words.
    const hasDefault = type !== "string" && property.default !== undefined;
    const description = `${property.description}${hasDefault ? `; default ${property.default}` : ""}`;
    const kept: Record<string, unknown> = { type, description };
    if (minimum !== undefined) kept.minimum = minimum;
    // zod adds the largest safe integer where the schema sets no maximum.
    if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) kept.maximum = maximum;
    return [name, kept] as const;
  });
  return { type: "object", properties: Object.fromEntries(properties), required: schema.required ?? [] };
}

/** All errors of a call's arguments in one line, followed by the tool's parameters, so that the next call can be right. */
function describeErrors(error: z.ZodError, args: Record<string, unknown>, parameters: Parameters): string {
  const takes = `the tool takes ${describeParameters(parameters)}`;
  if (typeof args._raw === "string") {
    const quoted = JSON.stringify(cutText(args._raw, QUOTED_CHARACTERS));
    return `the arguments were not a JSON object: ${quoted}; ${takes}`;
  }
  const errors = error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => `unknown argument ${JSON.stringify(key)}`);
    const name = issue.path.join(".");
    if (issue.code === "invalid_type" && !(name in args && args[name] !== null)) return [`${name} is required`];
    return [`${name}: ${issue.message.replace(/^Invalid input: /, "")}`];
  });
  return `${errors.join("; ")}; ${takes}`;
}

function describeParameters({ properties, required }: Parameters): string {
  return Object.entries(properties)
    .map(([name, { type }]) => `${name} (${type}${required.includes(name) ? ", required" : ""})`)
    .join(", ");
}
