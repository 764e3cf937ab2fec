import type { TurnErrorCode } from "@boocode/contracts";
import { ModelFailure } from "../../turn/ports.ts";
import { isContextOverflow, promptFromOverflow, windowFromOverflow } from "./context-overflow.ts";
import { type ErrorKind, errorKind, statusIn } from "./error-kind.ts";
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

/** Maps a server's error to a failure. */
export function serverFailure({ status, error, visible, retryAfterMs }: ServerError): ModelFailure {
  const text = errorTextOf(error);
  const told = status ?? statusIn(error);
  const wait = retryAfterMs ?? waitIn(error);
  const details = { status: status ?? undefined, retryAfterMs: wait ?? undefined, visible };
  const words = errorWords(error);
  if (isContextOverflow(error, words)) {
    const overflow = { window: windowFromOverflow(error, words), promptTokens: promptFromOverflow(error, words) };
    return new ModelFailure("context_overflow", withStatus(status, "request", text), { ...details, overflow });
  }
  const kind = errorKind(told, error, text);
  const passing = kind === "passing" || kind === "malformed_call";
  return new ModelFailure(codeOf(kind, told, text), withStatus(status, kind, text), {
    ...details,
    passing,
    retryable: passing && !visible,
  });
}

function codeOf(kind: ErrorKind, status: number | null, text: string): TurnErrorCode {
  if (kind === "malformed_call") return "model_malformed_call";
  const loading = kind === "passing" && (status === 503 || status === null) && /\bloading\b/i.test(text);
  return loading ? "model_loading" : "model_error";
}

function withStatus(status: number | null, kind: ErrorKind, text: string): string {
  if (status === null) return text || "the model server reported an error";
  const what = kind === "login" ? `the model server refused the key (HTTP ${status})` : `HTTP ${status}`;
  return what + (text && `: ${text}`);
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

/** Gemini and Groq state the wait in the error: `"retryDelay": "45s"`, "Please try again in 1m2.5s". */
function waitIn(error: unknown): number | null {
  const text = typeof error === "string" ? error : (JSON.stringify(error) ?? "");
  const [, delay, hours, minutes, words, unit] =
    /retryDelay\W{1,12}(\d+(?:\.\d+)?)s\b|(?:retry|try again) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(\d+(?:\.\d+)?) ?(ms|s|seconds?)\b/i.exec(
      text,
    ) ?? [];
  const seconds = number(delay ?? words ?? null);
  if (seconds === null) return null;
  return bounded(unit === "ms" ? seconds : (Number(hours ?? 0) * 3_600 + Number(minutes ?? 0) * 60 + seconds) * 1_000);
}

function number(text: string | null): number | null {
  return text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null;
}

function bounded(ms: number): number {
  return Math.round(Math.min(Math.max(ms, 0), MAX_WAIT_MS));
}
