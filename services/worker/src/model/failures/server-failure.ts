import { ModelFailure } from "../../turn/ports.ts";
import { asObject, count } from "../json-value.ts";
import { isContextOverflow, promptFromOverflow, windowFromOverflow } from "./context-overflow.ts";
import { errorTextOf, errorWords } from "./error-text.ts";

export interface ServerError {
  /** HTTP status; null when the error came inside a stream that had begun successfully. */
  status: number | null;
  /** The error, parsed or as text. */
  error: unknown;
  /** A part of a reply was emitted: a retry would repeat it. */
  visible: boolean;
  retryAfterMs: number | null;
}

/** Statuses that may be temporary: busy, swapping, rate-limited, starting, briefly gone. */
const PASSING = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529]);
/** A 500 about the request itself is permanent. */
const ABOUT_THE_REQUEST =
  /jinja|template|failed to parse (messages|tool)|parse_error|type_error|roles must alternate|invalid|unsupported|not supported/i;

/** Maps a server's error to a failure. */
export function serverFailure({ status, error, visible, retryAfterMs }: ServerError): ModelFailure {
  const text = errorTextOf(error);
  const told = status ?? statusIn(error);
  const details = { status: status ?? undefined, retryAfterMs: retryAfterMs ?? undefined, visible };
  const message =
    status === null ? text || "the model server reported an error" : statusWords(status) + (text && `: ${text}`);
  const words = errorWords(error);
  if (isContextOverflow(error, words)) {
    const overflow = { window: windowFromOverflow(error, words), promptTokens: promptFromOverflow(error, words) };
    return new ModelFailure("context_overflow", message, { ...details, overflow });
  }
  const passing = mayPass(told, error, text);
  const loading = (told === 503 || told === null) && /\bloading\b/i.test(text);
  return new ModelFailure(loading ? "model_loading" : "model_error", message, {
    ...details,
    passing,
    retryable: passing && !visible,
  });
}

const statusWords = (status: number) =>
  status === 401 || status === 403 ? `the model server refused the key (HTTP ${status})` : `HTTP ${status}`;

function statusIn(error: unknown): number | null {
  const { code, status } = asObject(error);
  const found = count(code) ?? count(status) ?? count(Number.parseInt(String(code), 10));
  return found !== null && found >= 400 && found < 600 ? found : null;
}

function mayPass(status: number | null, error: unknown, text: string): boolean {
  const { type, code } = asObject(error);
  if (/content.?(policy|filter|management)|safety/i.test(`${type} ${code}`)) return false;
  // Waiting does not refill a quota.
  if (code === "insufficient_quota" || type === "insufficient_quota") return false;
  // The status is more reliable than the type: llama-swap reports its own limit as a 429 of type invalid_request_error.
  if (status !== null && status !== 500) return PASSING.has(status);
  // Groq could not parse the model's tool call; another reply may be valid.
  if (code === "tool_use_failed") return true;
  if (/invalid_request|authentication|permission|not_found/i.test(`${type} ${code}`)) return false;
  return !ABOUT_THE_REQUEST.test(text);
}

/** The longest wait that a server may ask for. */
const MAX_WAIT_MS = 10 * 60_000;

/**
 * The wait that a server asks for: `retry-after-ms` (OpenAI), else `retry-after`, in seconds or as an HTTP date (RFC 9110).
 *
 * @param now milliseconds since the epoch
 * @returns null when the server names none
 */
export function retryAfterMs(headers: { get(name: string): string | null }, now: number): number | null {
  const exact = number(headers.get("retry-after-ms"));
  if (exact !== null) return bounded(exact);
  const header = headers.get("retry-after");
  const seconds = number(header);
  if (seconds !== null) return bounded(seconds * 1000);
  const date = header === null ? Number.NaN : Date.parse(header);
  return Number.isNaN(date) ? null : bounded(date - now);
}

function number(text: string | null): number | null {
  return text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null;
}

function bounded(ms: number): number {
  return Math.round(Math.min(Math.max(ms, 0), MAX_WAIT_MS));
}
