import { isObject } from "./is-object.ts";

type Json = Record<string, unknown>;

const TYPES = new Set(["object", "array", "string", "number", "integer", "boolean", "null"]);
const NAMED = ["properties", "patternProperties", "$defs", "definitions"];
const LISTED = ["anyOf", "oneOf", "allOf", "prefixItems"];
const SINGLE = ["items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"];
const MEASURES = /^(minimum|maximum|exclusiveMinimum|exclusiveMaximum|multipleOf|(min|max)(Length|Items|Properties))$/;

/** Checks a JSON schema, at any depth, for what OpenAI, Gemini or the grammar builder of llama.cpp rejects. */
export function checkSchema(schema: unknown, where: string, root: unknown = schema): string[] {
  if (typeof schema === "boolean") return [];
  if (!isObject(schema)) return [`${where} is not a schema`];
  return [...checkOne(schema, where, root), ...checkInner(schema, where, root)];
}

function checkOne(schema: Json, where: string, root: unknown): string[] {
  const violations: string[] = [];
  const { type, required, pattern, $ref } = schema;
  // Gemini and some gateways reject a list of types.
  if (type !== undefined && !TYPES.has(String(type))) violations.push(`${where}: type ${JSON.stringify(type)}`);
  if (type === "array" && schema.items === undefined && schema.prefixItems === undefined)
    violations.push(`${where} is an array without items`);
  if (required !== undefined) {
    const names = Array.isArray(required) ? required : [null];
    const known = isObject(schema.properties) ? schema.properties : {};
    if (names.some((name) => typeof name !== "string" || !Object.hasOwn(known, name)))
      violations.push(`${where}: required names a property that is not there`);
    if (new Set(names).size < names.length) violations.push(`${where}: required names a property twice`);
  }
  if (schema.enum !== undefined && !(Array.isArray(schema.enum) && schema.enum.length > 0))
    violations.push(`${where}: an empty enum`);
  if (pattern !== undefined && !isAnchored(pattern)) violations.push(`${where}: a pattern that is not anchored`);
  if ($ref !== undefined && !resolves($ref, root)) violations.push(`${where}: a reference that leads nowhere`);
  for (const [key, value] of Object.entries(schema)) {
    if (MEASURES.test(key) && typeof value !== "number") violations.push(`${where}: ${key} is not a number`);
  }
  return violations;
}

function checkInner(schema: Json, where: string, root: unknown): string[] {
  const named = NAMED.filter((key) => schema[key] !== undefined).flatMap((key) => {
    const inner = schema[key];
    if (!isObject(inner)) return [`${where}: ${key} is not an object`];
    return Object.entries(inner).flatMap(([name, one]) => checkSchema(one, `${where}.${name}`, root));
  });
  const listed = LISTED.filter((key) => schema[key] !== undefined).flatMap((key) => {
    const inner = schema[key];
    if (!Array.isArray(inner) || inner.length === 0) return [`${where}: ${key} is not a list of schemas`];
    return inner.flatMap((one, place) => checkSchema(one, `${where}.${key}[${place}]`, root));
  });
  const single = SINGLE.filter((key) => schema[key] !== undefined).flatMap((key) =>
    checkSchema(schema[key], `${where}.${key}`, root),
  );
  return [...named, ...listed, ...single];
}

function isAnchored(pattern: unknown): boolean {
  if (typeof pattern !== "string" || !pattern.startsWith("^") || !pattern.endsWith("$")) return false;
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}

function resolves(reference: unknown, root: unknown): boolean {
  if (typeof reference !== "string" || !/^#(\/.*)?$/.test(reference)) return false;
  let place: unknown = root;
  for (const step of reference.split("/").slice(1)) {
    place = isObject(place) ? place[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return place !== undefined;
}
