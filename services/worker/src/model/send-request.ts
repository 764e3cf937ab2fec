import { cutText } from "@boocode/contracts";
import {
  connectionFault,
  RedirectRefused,
  requestTo,
  type ServerAddress,
  type ServerAnswer,
} from "@boocode/model-servers";
import { scrub, scrubStrings } from "@boocode/runtime";
import { ModelFailure } from "../turn/ports.ts";
import { errorIn } from "./failures/error-text.ts";
import { retryAfterMs, serverFailure } from "./failures/server-failure.ts";

export interface SendRequestDeps {
  server: ServerAddress;
  log?: (facts: Record<string, unknown>, message: string) => void;
}

export interface Refusal {
  failure: ModelFailure;
  /** The server's error, parsed if possible. */
  error: unknown;
  body: string;
}

/** Limits for reading an error body. */
const MAX_ERROR_BODY = 256 * 1024;
const ERROR_BODY_MS = 5_000;

/**
 * Sends one chat completion request.
 *
 * @param signal an abort closes the socket, before the headers and while the body is read
 * @returns the response if it is a success, else the refusal
 * @throws ModelFailure when there is no response; the signal's reason when it aborts
 */
export async function sendRequest(
  { server, log }: SendRequestDeps,
  body: object,
  signal: AbortSignal,
): Promise<ServerAnswer | Refusal> {
  // Two headers must not be sent: with `accept: text/html` llama-swap answers with an HTML page, and with X-Conversation-Id
  // llama-server keeps generating after a disconnect.
  const response = await requestTo(server, "/v1/chat/completions", { body, accept: "*/*", signal }).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      log?.({ err: error }, "the model server did not answer");
      throw connectionFailure(error);
    },
  );
  if (response.ok) return response;
  const text = await errorBody(response);
  signal.throwIfAborted();
  const error = scrubStrings(errorIn(text));
  const wait = retryAfterMs(response.headers, Date.now());
  return {
    failure: serverFailure({ status: response.status, error, visible: false, retryAfterMs: wait }),
    error,
    body: text,
  };
}

/** Returns the failure of a request without a response: retryable, unless the server redirects or a setting is wrong. */
function connectionFailure(cause: unknown): ModelFailure {
  if (cause instanceof RedirectRefused)
    return new ModelFailure("model_error", cutText(scrub(cause.message), 200), { cause });
  const { reason, isLasting } = connectionFault(cause);
  return new ModelFailure("model_unreachable", reason, { retryable: !isLasting, cause });
}

/** Reads as much of an error body as arrives within the limits. If the connection breaks here, the status is sufficient. */
async function errorBody(response: ServerAnswer): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const timer = setTimeout(() => response.cancel(), ERROR_BODY_MS);
  try {
    while (text.length < MAX_ERROR_BODY) {
      const bytes = await response.read();
      if (bytes === null) break;
      text += decoder.decode(bytes, { stream: true });
    }
  } catch {
    // The caller checks its signal.
  }
  clearTimeout(timer);
  response.cancel();
  return text;
}
