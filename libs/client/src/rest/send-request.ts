import type { ErrorBody } from "@boocode/contracts";
import { backOff } from "../back-off.ts";
import { BooCodeError } from "../boo-code-error.ts";
import { type Clock, pause } from "../clock.ts";

/** One call of the API. */
export interface ApiRequest {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  idempotencyKey?: string;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** The total number of attempts when the connection is lost or an error is retryable; 1 by default. */
  retry?: { attempts: number };
}

export interface RequestDeps {
  apiUrl: string;
  token(): Promise<string | null>;
  fetch: typeof fetch;
  clock: Clock;
  random(): number;
  /** If there is no answer within this time, the connection counts as lost. */
  timeoutMs: number;
}

/** A caller who has to wait longer than this is told so instead. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Sends a request, with retries if requested and safe: a request that changes something is repeated only with an
 * Idempotency-Key, because a lost answer does not say whether it took effect.
 * @throws BooCodeError; the signal's reason when aborted
 */
export async function sendRequest<T>(deps: RequestDeps, request: ApiRequest, options: CallOptions = {}): Promise<T> {
  const harmless = request.method === "GET" || request.idempotencyKey !== undefined;
  const attempts = harmless ? Math.max(1, options.retry?.attempts ?? 1) : 1;
  for (let failures = 0; ; failures += 1) {
    let toldMs = 0;
    try {
      return await sendOnce<T>(deps, request, options.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      const passing = error instanceof BooCodeError && error.retryable && error.code !== "session_busy";
      if (!passing || failures + 1 >= attempts) throw error;
      toldMs = error.retryAfterMs ?? 0;
      if (toldMs > LONGEST_WAIT_MS) throw error;
    }
    await pause(deps.clock, toldMs + backOff(failures + 1, deps.random()), options.signal);
    options.signal?.throwIfAborted();
  }
}

async function sendOnce<T>(deps: RequestDeps, request: ApiRequest, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  const abort = new AbortController();
  const stop = () => abort.abort(signal?.reason);
  signal?.addEventListener("abort", stop);
  const timer = deps.clock.setTimeout(() => abort.abort(new Error("no answer in time")), deps.timeoutMs);
  try {
    const token = await deps.token();
    const response = await deps.fetch(`${deps.apiUrl}${request.path}`, {
      method: request.method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        ...(request.idempotencyKey === undefined ? {} : { "idempotency-key": request.idempotencyKey }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal: abort.signal,
    });
    const text = await response.text();
    if (!response.ok) throw toError(response.status, text, response.headers.get("retry-after"));
    return (text === "" ? undefined : readJson(response.status, text)) as T;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof BooCodeError) throw error;
    throw new BooCodeError("network", `no answer to ${request.method} ${request.path}`, { cause: error });
  } finally {
    deps.clock.clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

function readJson(status: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BooCodeError("unexpected", "the answer is not JSON", { status, retryable: false, cause });
  }
}

/**
 * The error that an answer of the API, or of a proxy before it, states.
 * @param retryAfter the header `Retry-After`, of which only the form in seconds is read
 */
export function toError(status: number, text: string, retryAfter: string | null): BooCodeError {
  const retryAfterMs = /^\d{1,7}$/.test(retryAfter ?? "") ? Number(retryAfter) * 1_000 : null;
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    if (typeof error.code === "string") return new BooCodeError(error.code, error.message, { status, retryAfterMs });
  } catch {
    // This is not an answer from the API.
  }
  const retryable = status === 429 || status >= 500;
  return new BooCodeError("unexpected", `the server answered ${status}`, { status, retryable, retryAfterMs });
}
