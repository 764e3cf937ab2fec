/** No server is waited for longer than this on its own word. */
const MAX_WAIT_MS = 10 * 60_000;

/**
 * How long a server asks to wait: `retry-after-ms` (OpenAI) before `retry-after`, in seconds or as an HTTP date (RFC 9110).
 *
 * @param now milliseconds since the epoch
 * @returns null when it does not say
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
