// PURE
import { asObject, count, isObject } from "../json-value.ts";
import { errorWords } from "./error-text.ts";

/**
 * What a server's error is about. `malformed_call`: the server could not parse the model's tool call, so an immediate retry may
 * succeed. `passing`: the server is busy, starting or briefly gone. All others are permanent.
 */
export type ErrorKind = "login" | "quota" | "content" | "request" | "malformed_call" | "passing";

/** Statuses that may be temporary: busy, swapping, rate-limited, starting, briefly gone; 498 is Groq's, 520 … 530 Cloudflare's. */
const PASSING = new Set([408, 409, 425, 429, 498, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530]);

/** Statuses with which servers report a malformed call of the model; null inside a stream. */
const ABOUT_THE_ANSWER = new Set([null, 400, 422, 500, 502]);

const MALFORMED_CALL_CODES = /^(tool_use_failed|output_parse_failed|malformed_function_call|unexpected_tool_call)$/i;
const MALFORMED_CALL_WORDS = [
  // llama.cpp: "The model produced output that does not match the expected peg-native format", and in earlier versions
  // "Failed to parse input at pos 395: <tool_call>…" and "Invalid diff: now finding less tool calls!"
  /does not match the expected .{0,60}format/i,
  /failed to parse input at pos/i,
  /now finding less tool calls/i,
  // llama.cpp "Failed to parse tool call arguments as JSON", LM Studio "Failed to parse tool call", Ollama "error parsing tool
  // call: raw='…'". No request that we send contains such arguments, so the call is the model's.
  /(failed to|cannot|could not|unable to|error) (pars|decod|generat)(e|ing) (\w+ ){0,2}(tool|function)[ _]?call/i,
  // Groq, with the code tool_use_failed, which some gateways drop.
  /failed to call a function/i,
  /tool call validation failed/i,
  /model generated output that could not be parsed/i,
  // Gemini, in words and as a status; OpenAI "The model produced invalid content".
  /malformed[ _](function|tool)[ _]call/i,
  // Ollama's and vLLM's parsers of Qwen's XML and of gpt-oss.
  /XML syntax error on line|harmony parser|unexpected tokens remaining in message header/i,
  /model (has )?(generated|produced|returned|made) (an? )?(invalid|malformed) (tool|function|content|output)/i,
];

const QUOTA = [
  /insufficient[_ ](user[_ ])?(quota|balance|credits?|funds)/i,
  /exceeded[_ ]current[_ ]quota/i,
  /credit balance|out of credits|(requires|add|purchase) more credits|payment required|arrear|billing[_ ](hard|not|error)/i,
  /exceeded your current quota|check your (plan|quota) and billing|check your billing/i,
  // OpenRouter's free models, Gemini's daily limits.
  /free-models-per-day|per[_ -]?day\b|PerDay/,
  /余额不足|欠费|额度已用尽/,
  // LiteLLM, xAI, Mistral, OpenRouter, DashScope.
  /budget.{0,4}exceeded|exceeded.{0,4}budget|over budget|spending limit|monthly (usage )?limit|key limit exceeded|free tier.{0,30}exhausted/i,
];
/** Gemini words a per-minute limit like an exhausted plan, but says when to retry. */
const ASK_LATER = /retryDelay|retry in \d|try again in \d|retry after \d/i;
const NEVER = /PerDay|per[_ -]?day\b|limit: 0\b/;

const CONTENT_CODES =
  /content.?(policy|filter|management)|safety|data.?inspection|moderation|responsible.?ai|prohibited/i;
const CONTENT_WORDS =
  /content (management )?policy|content exists risk|(inappropriate|harmful) content|flagged (by|as|for)|requires moderation|ResponsibleAI/i;

const LOGIN_CODES = /authentication|unauthenticated|invalid_api_key|API_KEY_INVALID/i;
const LOGIN_WORDS =
  /api[ _-]?key (is )?(not valid|invalid|incorrect|expired|missing|disabled)|(invalid|incorrect|wrong|expired|missing) api[ _-]?key|invalid subscription key/i;

const REQUEST_CODES =
  /invalid_request|invalid_argument|permission|not_found|failed_precondition|request_too_large|extra_forbidden/i;
/** A 500 about the request itself is permanent. */
const REQUEST_WORDS =
  /jinja|template|failed to parse messages|parse_error|type_error|roles must alternate|invalid|unsupported|not supported/i;

/** @param status the response's status, else the one inside the error; null when there is neither */
export function errorKind(status: number | null, error: unknown, text: string): ErrorKind {
  const words = errorWords(error);
  const codes = codesOf(error);
  const named = (pattern: RegExp) => codes.some((code) => pattern.test(code));
  // Checked first, because such an error may quote the call, which can contain any words.
  if (ABOUT_THE_ANSWER.has(status) && isMalformedCall(words, codes)) return "malformed_call";
  if (status === 402 || isQuota(`${words} ${codes.join(" ")}`, error)) return "quota";
  if (named(CONTENT_CODES) || (status !== 429 && CONTENT_WORDS.test(words))) return "content";
  if (status === 401 || status === 403 || named(LOGIN_CODES) || (isRefusal(status) && LOGIN_WORDS.test(words)))
    return "login";
  // The status is more reliable than the type: llama-swap reports its own limit as a 429 of type invalid_request_error.
  if (status !== null && status !== 500) return PASSING.has(status) ? "passing" : "request";
  return named(REQUEST_CODES) || REQUEST_WORDS.test(text) ? "request" : "passing";
}

/** The status that an error states inside a stream that began with 200. */
export function statusIn(error: unknown): number | null {
  const { code, status, status_code } = asObject(error);
  const found = [code, status, status_code].map((value) => count(value) ?? count(Number.parseInt(String(value), 10)));
  return found.find((each) => each !== null && each >= 400 && each < 600) ?? null;
}

/** Whether a finish reason is Gemini's for a malformed call of its own, such as `function_call_filter: MALFORMED_FUNCTION_CALL`. */
export function isMalformedCallReason(finishReason: string | null): boolean {
  return /malformed_(function|tool)_call|unexpected_tool_call/i.test(finishReason ?? "");
}

const isRefusal = (status: number | null) => status === null || (status >= 400 && status < 500);

const isMalformedCall = (words: string, codes: string[]) =>
  codes.some((code) => MALFORMED_CALL_CODES.test(code) || isMalformedCallReason(code)) ||
  MALFORMED_CALL_WORDS.some((pattern) => pattern.test(words));

function isQuota(words: string, error: unknown): boolean {
  const all = words + (isObject(error) ? JSON.stringify(error) : "");
  return QUOTA.some((pattern) => pattern.test(all)) && (NEVER.test(all) || !ASK_LATER.test(all));
}

/** Returns an error's codes and types, which are more reliable than its message, and those of the provider behind a proxy. */
function codesOf(error: unknown): string[] {
  const { type, code, status, reason, innererror, choices } = asObject(error);
  const choice = asObject(Array.isArray(choices) ? choices[0] : undefined);
  return [type, code, status, reason, asObject(innererror).code, choice.native_finish_reason].filter(
    (each): each is string => typeof each === "string",
  );
}
