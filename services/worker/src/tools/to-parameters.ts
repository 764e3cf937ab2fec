import { z } from "zod";

export interface Parameters extends Record<string, unknown> {
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
