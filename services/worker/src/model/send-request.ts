import { type Dispatcher, fetch, type Response } from "undici";
import type { ModelFailure } from "../turn/ports.ts";
import { errorIn } from "./failures/error-text.ts";
import { retryAfterMs, serverFailure } from "./failures/server-failure.ts";
import { connectionFailure } from "./failures/stream-failure.ts";

export interface SendRequestDeps {
  baseUrl: string;
  apiKey?: string;
  dispatcher: Dispatcher;
}

export interface Refusal {
  failure: ModelFailure;
  /** The server's error, parsed where it could be. */
  error: unknown;
  body: string;
}

/** An error body is read no further than this, and waited for no longer. */
const MAX_ERROR_BODY = 256 * 1024;
const ERROR_BODY_MS = 5_000;

/**
 * Sends one chat completion request.
 *
 * @param signal closes the socket, before the headers and while the body is read
 * @returns the response when it is a success, else why it is none
 * @throws ModelFailure when there was no answer, the signal's reason when it was aborted
 */
export async function sendRequest(
  { baseUrl, apiKey, dispatcher }: SendRequestDeps,
  body: object,
  signal: AbortSignal,
): Promise<Response | Refusal> {
  const response = await fetch(`${baseUrl}/v1/chat/completions`, {
    method: "POST",
    // llama-swap answers errors as a page when text/html is accepted, and llama-server outlives its client when an
    // X-Conversation-Id is sent: neither ever is.
    headers: {
      "content-type": "application/json",
      accept: "*/*",
      ...(apiKey && { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify(body),
    dispatcher,
    signal,
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw connectionFailure(error);
  });
  if (response.ok) return response;
  const text = await errorBody(response);
  signal.throwIfAborted();
  const error = errorIn(text);
  const wait = retryAfterMs(response.headers, Date.now());
  return {
    failure: serverFailure({ status: response.status, error, visible: false, retryAfterMs: wait }),
    error,
    body: text,
  };
}

/** What can be had of the body. A connection that breaks here leaves the status, which says enough. */
async function errorBody(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = response.body?.getReader();
  const timer = setTimeout(() => void reader?.cancel().catch(() => {}), ERROR_BODY_MS);
  try {
    while (reader && text.length < MAX_ERROR_BODY) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    // The caller looks at its signal.
  }
  clearTimeout(timer);
  await reader?.cancel().catch(() => {});
  return text;
}
