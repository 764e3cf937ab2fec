import { cleanText, cleanValue } from "../clean-text.ts";
import { isObject, type JsonObject, parseJson } from "../json-value.ts";

/**
 * A call's arguments from the joined text of its deltas. What is no JSON object is kept as `{_raw: text}`, so that the
 * model can be told and nothing is lost.
 *
 * @param unfinished the model was stopped inside this call: nothing said is then not "no arguments"
 */
export function parseArguments(text: string, unfinished: boolean): JsonObject {
  if (text.trim() === "" && !unfinished) return {};
  const value = parseJson(text);
  // null is how some servers say "none".
  if (value === null) return {};
  return isObject(value) ? (cleanValue(value) as JsonObject) : { _raw: cleanText(text) };
}
