import { readFileSync } from "node:fs";
import type { z } from "zod";
import { keepSecret, keepSecretsOf } from "./secrets.ts";

const SECRET_NAME = /(KEY|TOKEN|PASSWORD|SECRET)$/;

/** The environment is invalid; the message lists every mistake, one per line. */
export class InvalidConfig extends Error {
  override name = "InvalidConfig";
}

/**
 * Reads a service's configuration from the environment. A variable `X` may be given as a file in `X_FILE`, so that a secret
 * need not be in the environment. Passwords and keys are registered as secrets, which the log does not show.
 * @throws InvalidConfig with every mistake; no message quotes a value
 */
export function loadConfig<S extends z.ZodType>(schema: S, env: Record<string, string | undefined>): z.infer<S> {
  const mistakes: string[] = [];
  const values: Record<string, string> = {};
  // A blank value counts as unset: from a Windows file, an empty one holds a carriage return.
  for (const [name, value] of Object.entries(env)) if (value?.trim()) values[name] = value;
  for (const [name, path] of Object.entries(values)) {
    const target = name.replace(/_FILE$/, "");
    if (target === name || values[target] !== undefined || !hasKey(schema, target)) continue;
    try {
      values[target] = readFileSync(path, "utf8").trim();
    } catch {
      mistakes.push(`${name}: cannot read the file that it names`);
    }
  }
  for (const [name, value] of Object.entries(values)) {
    if (SECRET_NAME.test(name)) keepSecret(value);
    else keepSecretsOf(value);
  }
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues)
      mistakes.push(`${issue.path.join(".") || "environment"}: ${issue.message}`);
  }
  if (mistakes.length > 0 || !parsed.success) {
    throw new InvalidConfig(`the environment is invalid:\n${mistakes.map((line) => `  ${line}`).join("\n")}`);
  }
  return parsed.data;
}

function hasKey(schema: z.ZodType, name: string): boolean {
  return "shape" in schema && name in (schema.shape as Record<string, unknown>);
}
