import type { z } from "zod";
import type { Parameters } from "./to-parameters.ts";

const RAW_SHOWN = 200;

/** Every mistake of a call's arguments in one line, and what the tool takes, so that the next call can be right. */
export function listMistakes(error: z.ZodError, args: Record<string, unknown>, parameters: Parameters): string {
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
