import { cleanText, cutText } from "@boocode/contracts";
import type { ToolOffer } from "@boocode/project-tools/ports";
import { asObject, cleanValue, isObject, type JsonObject } from "../json-value.ts";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** OpenAI's limit, which Azure still enforces. */
const MAX_TOOLS = 128;
const MAX_DESCRIPTION = 1024;

/** Cached, because every turn has the same tools. */
const encoded = new WeakMap<readonly ToolOffer[], JsonObject[]>();

/** Encodes the tools, without those whose name is invalid or repeated. The result is shared: it must not be changed. */
export function toTools(offers: readonly ToolOffer[]): readonly JsonObject[] {
  const known = encoded.get(offers) ?? encode(offers);
  encoded.set(offers, known);
  return known;
}

function encode(offers: readonly ToolOffer[]): JsonObject[] {
  const names = new Set<string>();
  const usable = offers.filter(({ name }) => NAME.test(name) && !names.has(name) && names.add(name));
  return usable.slice(0, MAX_TOOLS).map((offer) => ({
    type: "function",
    function: {
      name: offer.name,
      description: cutText(cleanText(offer.description), MAX_DESCRIPTION),
      parameters: parameters(offer.parameters),
    },
  }));
}

function parameters(schema: JsonObject): JsonObject {
  const { $schema: _dialect, ...whole } = asObject(cleanValue(schema));
  const properties = isObject(whole.properties) ? whole.properties : {};
  return asObject(acceptable({ ...whole, type: "object", properties }));
}

/**
 * Corrects what servers reject in a schema: an array without items (OpenAI), a required name that is not a property (Gemini),
 * an unanchored pattern and an external reference (both llama.cpp's grammar).
 */
function acceptable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(acceptable);
  if (!isObject(schema)) return schema;
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "properties" || key === "$defs" || key === "definitions") {
      result[key] = Object.fromEntries(
        Object.entries(asObject(value)).map(([name, inner]) => [name, acceptable(inner)]),
      );
    } else if (key === "pattern") {
      if (typeof value === "string" && /^\^.*\$$/s.test(value)) result.pattern = value;
    } else if (key === "$ref") {
      if (typeof value === "string" && value.startsWith("#")) result.$ref = value;
    } else if (key === "enum" || key === "const" || key === "default" || key === "examples") {
      result[key] = value;
    } else {
      result[key] = acceptable(value);
    }
  }
  if (result.type === "array" && result.items === undefined && result.prefixItems === undefined) result.items = {};
  if (Array.isArray(result.required)) {
    const properties = asObject(result.properties);
    const required = [...new Set(result.required)].filter((name) => Object.hasOwn(properties, String(name)));
    if (required.length > 0) result.required = required;
    else delete result.required;
  }
  return result;
}
