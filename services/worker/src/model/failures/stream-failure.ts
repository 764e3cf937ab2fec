import { ModelFailure } from "../../turn/ports.ts";
import type { Outcome } from "../decode/read-reply.ts";
import { errorText } from "./error-text.ts";
import { serverFailure } from "./server-failure.ts";

/**
 * Maps an outcome other than a reply to a failure.
 *
 * @param visible a part of the reply was emitted: a retry would repeat it
 * @param broken why the connection broke, if it did
 */
export function outcomeFailure(
  outcome: Exclude<Outcome, { kind: "reply" }>,
  visible: boolean,
  broken: { reason: string; cause: unknown } | null,
): ModelFailure {
  const retryable = !visible;
  switch (outcome.kind) {
    case "error":
      return serverFailure({ status: null, error: outcome.error, visible, retryAfterMs: null });
    case "empty": {
      const message = because("the model server ended the stream without an answer", errorText(outcome.loose));
      return new ModelFailure("model_cut", message, { retryable, visible });
    }
    case "cut": {
      const why = errorText(outcome.loose) || (broken?.reason ?? "");
      const message = because("the stream ended before the answer was complete", why);
      return new ModelFailure("model_cut", message, { retryable, visible, cause: broken?.cause });
    }
  }
}

/** Gemini ends such an answer without a call, and mostly without text. */
export function malformedCall(visible: boolean): ModelFailure {
  const message = "the model made a tool call that its server could not read";
  return new ModelFailure("model_malformed_call", message, { passing: true, retryable: !visible, visible });
}

const because = (what: string, why: string) => (why === "" ? what : `${what}: ${why}`);
