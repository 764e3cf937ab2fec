import { ModelFailure } from "../../turn/ports.ts";
import { cutText } from "../clean-text.ts";

/** No answer at all: refused, reset, not resolved, or no connection in time. The same request may succeed later. */
export function connectionFailure(cause: unknown): ModelFailure {
  return new ModelFailure("model_unreachable", cutText(causeText(cause), 200), { retryable: true, cause });
}

/** undici wraps what happened to the socket in a `TypeError: fetch failed`. */
function causeText(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error)) return String(inner);
  // A host with several addresses fails with an AggregateError whose own message is empty.
  if (inner instanceof AggregateError && inner.errors.length > 0) return causeText(inner.errors[0]);
  return inner.message || inner.name;
}
