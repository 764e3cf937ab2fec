import { checkToolCalls } from "./check-tool-calls.ts";
import { isObject } from "./is-object.ts";

const ROLES = new Set(["system", "user", "assistant", "tool"]);
/** Mistral answers 422 to any other key. */
const KEYS = new Set(["role", "content", "tool_calls", "tool_call_id", "name"]);

export interface Expected {
  /** The conversation may contain `reasoning_content`. */
  reasoning: boolean;
}

/** Checks the conversation: a system message only at the start, alternating roles, and every tool call answered in order. */
export function checkMessages(messages: unknown, expected: Expected): string[] {
  if (!Array.isArray(messages) || messages.length === 0) return ["messages is empty"];
  if (!messages.every(isObject)) return ["a message is not an object"];
  const violations: string[] = [];
  if (!messages.some((message) => message.role === "user")) violations.push("no user message");
  // llama.cpp takes it for the beginning of the answer, and Mistral rejects it.
  if (messages.at(-1)?.role === "assistant") violations.push("the last message is the assistant's");
  for (const [index, message] of messages.entries()) {
    const where = `messages[${index}]`;
    violations.push(...checkMessage(message, expected).map((violation) => `${where}: ${violation}`));
    const order = misplaced(message.role, index === 0 ? null : messages[index - 1]?.role);
    if (order) violations.push(`${where}: ${order}`);
  }
  return [...violations, ...checkToolCalls(messages)];
}

function checkMessage(message: Record<string, unknown>, expected: Expected): string[] {
  const { role, content, tool_calls } = message;
  const violations: string[] = [];
  if (typeof role !== "string" || !ROLES.has(role)) violations.push(`role ${JSON.stringify(role)}`);
  if (typeof content !== "string") violations.push("content is not a string");
  // Anthropic, Gemini and Bedrock behind gateways also reject white space.
  else if (content.trim() === "" && role !== "assistant") violations.push("content is empty");
  const hasCalls = Array.isArray(tool_calls) && tool_calls.length > 0;
  if (role === "assistant" && typeof content === "string" && content.trim() === "" && !hasCalls)
    violations.push("an assistant message that says nothing");
  if (tool_calls !== undefined && !hasCalls) violations.push("tool_calls is empty");
  if (tool_calls !== undefined && role !== "assistant") violations.push("tool_calls outside an assistant message");
  if (role !== "tool" && message.tool_call_id !== undefined) violations.push("tool_call_id outside a tool message");
  const mayThink = expected.reasoning && role === "assistant";
  const unknown = Object.keys(message).filter((key) => !KEYS.has(key) && !(mayThink && key === "reasoning_content"));
  if (unknown.length > 0) violations.push(`unknown ${unknown.join(", ")}`);
  return violations;
}

/** @param before the role of the previous message; null for the first message */
function misplaced(role: unknown, before: unknown): string | null {
  if (role === "system") return before === null ? null : "a system message that is not the first";
  if (role === "assistant" && before === "assistant") return "two assistant messages in a row";
  if (role === "user" && before === "user") return "two user messages in a row";
  // Mistral: "Unexpected role 'user' after role 'tool'".
  if (role === "user" && before === "tool")
    return "a user message after a tool message, without an answer between them";
  if (role === "assistant" && (before === null || before === "system"))
    return "an assistant message before any user message";
  return null;
}
