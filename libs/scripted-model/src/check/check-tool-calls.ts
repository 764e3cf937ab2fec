import { isObject } from "./is-object.ts";

const CALL_ID = /^[A-Za-z0-9_-]{1,40}$/;
/** Gemini requires `extra_content` to be sent back. Any key beyond these is rejected by at least one server. */
const CALL_KEYS = new Set(["id", "type", "function", "extra_content"]);
const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Checks that every call is valid, its id is unique, and tool messages follow directly, in the order of the calls. */
export function checkToolCalls(messages: Array<Record<string, unknown>>): string[] {
  const violations: string[] = [];
  const seen = new Set<unknown>();
  let unanswered: unknown[] = [];
  for (const [index, message] of messages.entries()) {
    const where = `messages[${index}]`;
    if (message.role === "tool") {
      const place = unanswered.indexOf(message.tool_call_id);
      if (place < 0) violations.push(`${where}: answers no call`);
      else if (place > 0) violations.push(`${where}: answers out of order`);
      if (place >= 0) unanswered.splice(place, 1);
      continue;
    }
    if (unanswered.length > 0) violations.push(`${where}: ${unanswered.length} calls before it were not answered`);
    const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
    unanswered = calls.map((call) => (isObject(call) ? call.id : undefined));
    for (const call of calls) {
      violations.push(...checkCall(call, seen).map((violation) => `${where}: ${violation}`));
    }
  }
  if (unanswered.length > 0) violations.push(`${unanswered.length} calls at the end were not answered`);
  return violations;
}

function checkCall(call: unknown, seen: Set<unknown>): string[] {
  if (!isObject(call) || !isObject(call.function)) return ["a tool call without a function"];
  const violations: string[] = [];
  const unknown = Object.keys(call).filter((key) => !CALL_KEYS.has(key));
  if (unknown.length > 0) violations.push(`a tool call with ${unknown.join(", ")}`);
  for (const [key, value] of [...Object.entries(call), ...Object.entries(call.function)]) {
    if (value === null) violations.push(`explicit null: ${key} of a tool call`);
  }
  if (call.type !== "function") violations.push("tool call type is not function");
  if (typeof call.id !== "string" || !CALL_ID.test(call.id)) violations.push(`tool call id ${JSON.stringify(call.id)}`);
  if (seen.has(call.id)) violations.push(`tool call id ${call.id} is used twice`);
  seen.add(call.id);
  const { name, arguments: text } = call.function;
  if (typeof name !== "string" || !TOOL_NAME.test(name)) violations.push(`tool call name ${JSON.stringify(name)}`);
  if (typeof text !== "string") violations.push("arguments are not a string");
  else if (!holdsObject(text)) violations.push("arguments are not a JSON object");
  return violations;
}

function holdsObject(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}
