import { cutText } from "@boocode/contracts";
import { ModelFailure } from "../../turn/ports.ts";
import type { Outcome } from "../decode/read-reply.ts";
import { errorText } from "./error-text.ts";
import { serverFailure } from "./server-failure.ts";

/**
 * Maps an outcome other than a reply to a failure.
 *
 * @param visible a part of the reply was emitted: a retry would repeat it
 * @param broken the connection's error, if the connection broke
 */
export function outcomeFailure(
  outcome: Exclude<Outcome, { kind: "reply" }>,
  visible: boolean,
  broken: unknown,
): ModelFailure {
  const retryable = !visible;
  switch (outcome.kind) {
    case "error":
      return serverFailure({ status: null, error: outcome.error, visible, retryAfterMs: null });
    // Like a reply that was cut, it is incomplete and justifies another attempt, even after a part was seen.
    case "text_tool_call":
      return new ModelFailure("model_cut", "the model wrote a tool call as text", { retryable, visible });
    case "empty": {
      const message = because("the model server ended the stream without an answer", errorText(outcome.loose));
      return new ModelFailure("model_cut", message, { retryable, visible });
    }
    case "cut": {
      const why = errorText(outcome.loose) || (broken instanceof Error ? connectionText(broken) : "");
      const message = because("the stream ended before the answer was complete", why);
      return new ModelFailure("model_cut", message, { retryable, visible, cause: broken });
    }
  }
}

const because = (what: string, why: string) => (why === "" ? what : `${what}: ${why}`);

function connectionText(error: Error): string {
  return cutText(error.cause instanceof Error ? error.cause.message : error.message, 100);
}

/** The failure of a request without a response: refused, reset, host not resolved or connect time-out. A retry may succeed. */
export function connectionFailure(cause: unknown): ModelFailure {
  return new ModelFailure("model_unreachable", cutText(causeText(cause), 200), { retryable: true, cause });
}

/** undici wraps the socket's error in `TypeError: fetch failed`. */
function causeText(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error)) return String(inner);
  // A host with several addresses fails with an AggregateError that has an empty message.
  if (inner instanceof AggregateError && inner.errors.length > 0) return causeText(inner.errors[0]);
  return inner.message || inner.name;
}
