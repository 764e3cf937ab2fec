import type { IncomingHttpHeaders } from "node:http";
import { NO_QUIRKS, type Quirks } from "../script.ts";
import { checkMessages } from "./check-messages.ts";
import { checkTools } from "./check-tools.ts";
import { isObject } from "./is-object.ts";

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Checks a chat request against the rules of all real servers: llama.cpp, Ollama, vLLM, OpenAI, DeepSeek and Mistral each
 * reject something that the others accept.
 * @param quirks the server's: what they require is not a violation, even if other servers reject it
 * @returns the violations; empty when every server would accept the request
 */
export function checkRequest(body: unknown, quirks: Quirks = NO_QUIRKS): string[] {
  if (!isObject(body)) return ["the body is not an object"];
  const violations: string[] = [];
  if (typeof body.model !== "string" || body.model === "") violations.push("model is not a name");
  if (body.n !== undefined && body.n !== 1) violations.push("n is not 1");
  if (body.stream_options !== undefined && body.stream !== true) violations.push("stream_options without a stream");
  if (isObject(body.stream_options) && body.stream_options.include_usage !== true)
    violations.push("stream_options that do not ask for the usage");
  const limits = [body.max_tokens, body.max_completion_tokens].filter((limit) => limit !== undefined);
  if (limits.length > 1) violations.push("max_tokens beside max_completion_tokens");
  if (!limits.every((limit) => Number.isInteger(limit) && Number(limit) > 0))
    violations.push("max_tokens is not a number of tokens");
  const strings = stringsOf(body);
  if (LONE_SURROGATE.test(strings)) violations.push("a lone surrogate");
  if (strings.includes("\u0000")) violations.push("a NUL");
  const names = nullsOf(body);
  if (names.length > 0) violations.push(`explicit null: ${names.join(", ")}`);
  const expected = { reasoning: quirks.replayed_reasoning === "required" };
  return [...violations, ...checkMessages(body.messages, expected), ...checkTools(body)];
}

/** Checks the headers that change the answers of real servers. */
export function checkHeaders(headers: IncomingHttpHeaders): string[] {
  const violations: string[] = [];
  if (!headers["content-type"]?.startsWith("application/json")) violations.push("content-type is not application/json");
  // llama-swap sends its errors as HTML or plain text for these.
  if (/text\/(html|plain)/.test(headers.accept ?? "")) violations.push("accept asks for text");
  // With this header llama.cpp keeps generating after the client has disconnected: a cancel would not free the slot.
  if (headers["x-conversation-id"] !== undefined) violations.push("x-conversation-id is sent");
  return violations;
}

/**
 * All keys and string values, including those inside the arguments of tool calls, which llama.cpp parses. A line break
 * separates them, so that two lone surrogates cannot form a pair.
 */
function stringsOf(value: unknown): string {
  const strings: string[] = [];
  JSON.stringify(value, (key, inner) => {
    strings.push(key);
    if (typeof inner === "string") strings.push(inner);
    return key === "arguments" && typeof inner === "string" ? [inner, parsed(inner)] : inner;
  });
  return strings.join("\n");
}

/** llama.cpp reads optional fields as strings and answers 500 to null. A null in a tool's schema is allowed. */
function nullsOf(body: Record<string, unknown>): string[] {
  const messages = Array.isArray(body.messages) ? body.messages.filter(isObject) : [];
  const nullKeys = (object: Record<string, unknown>) => Object.keys(object).filter((key) => object[key] === null);
  return [...new Set([...nullKeys(body), ...messages.flatMap(nullKeys)])];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
