import { cleanText, cutText } from "@boocode/contracts";
import { asObject, filled, isObject, parseJson } from "../json-value.ts";

/** The longest error text that is kept, in characters. */
const MAX_ERROR_TEXT = 200;

/**
 * The reason in an error body, as one line of at most 200 characters; "" when there is none.
 *
 * llama.cpp puts the cause of a template error after a source excerpt of some 200 characters, so only the last line of a long
 * message is kept.
 */
export function errorText(body: string): string {
  const value = parseJson(body);
  if (typeof value === "object" && value !== null) return shorten(messageOf(value) ?? body);
  if (/<html|<!doctype/i.test(body)) return shorten(/<title>([^<]*)/i.exec(body)?.[1] ?? "an HTML page");
  return shorten(typeof value === "string" ? value : body);
}

/** Like `errorText`, for a parsed error. */
export function errorTextOf(error: unknown): string {
  return typeof error === "string" ? errorText(error) : shorten(messageOf(error) ?? JSON.stringify(error) ?? "");
}

/** The whole text of an error, in which numbers are searched; not for display. */
export function errorWords(error: unknown): string {
  const value = typeof error === "string" ? (parseJson(error) ?? error) : error;
  return messageOf(value) ?? (typeof error === "string" ? error : (JSON.stringify(error) ?? ""));
}

/** The start of an error body that the server framed as an event, because the request asked for a stream. */
const EVENT = /^\s*(?:event: ?\w+\s+)?data: ?/;

/** The error object inside an error body, whatever wraps it; the body itself if it is not JSON. */
export function errorIn(body: string): unknown {
  const value = parseJson(body.replace(EVENT, ""));
  const first = Array.isArray(value) ? value[0] : value;
  if (!isObject(first)) return body;
  return isObject(first.error) ? first.error : first;
}

function shorten(text: string): string {
  const lines = cleanText(text)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const all = lines.join(" ");
  if (all.length <= MAX_ERROR_TEXT) return all;
  // The last line may be a caret or a ruler under an excerpt, which is not the cause.
  return cutText(lines.findLast((line) => /[\p{L}\p{N}]/u.test(line)) ?? all, MAX_ERROR_TEXT);
}

/**
 * Finds the message in the shapes that servers use: nested errors, strings, arrays (Gemini), `detail` (FastAPI), OpenRouter's
 * metadata.
 */
function messageOf(value: unknown): string | null {
  if (typeof value === "string") return innerMessage(value) ?? filled(value);
  if (Array.isArray(value)) {
    const messages = value.map(messageOf).filter((message) => message !== null);
    return messages.length > 0 ? messages.join("; ") : null;
  }
  if (!isObject(value)) return null;
  const provider = filled(asObject(value.metadata).raw);
  const message = innerMessage(value.message) ?? filled(value.message) ?? filled(value.msg);
  if (provider !== null && /provider returned error/i.test(message ?? "")) return messageOf(provider);
  if (message !== null && filled(value.msg) !== null && Array.isArray(value.loc))
    return `${value.loc.join(".")}: ${message}`;
  return (
    messageOf(value.error) ??
    message ??
    (isObject(value.message) ? messageOf(value.message) : null) ??
    messageOf(value.detail) ??
    filled(value.title) ??
    filled(value.type) ??
    filled(value.code)
  );
}

/** Finds the message in a message: gateways use the whole error body of the server behind them as their own message. */
function innerMessage(text: unknown): string | null {
  const value = typeof text === "string" && /^\s*[[{]/.test(text) ? parseJson(text) : undefined;
  return typeof value === "object" ? messageOf(value) : null;
}
