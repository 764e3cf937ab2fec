import { createHash } from "node:crypto";
import type { ApiErrorCode, TurnAccepted } from "@boocode/contracts";
import type { IdempotencyKey, QueuedTurn, TurnRefusal } from "@boocode/store";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { callerOf } from "./deps.ts";
import { ApiError } from "./errors.ts";

// What the routes that queue a turn share: the idempotency key, the refusals and the answer.

/** The headers of a request that a client can repeat without a second effect. */
export const IdempotentHeaders = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 visible ASCII characters")
    .optional(),
});

/** @returns the key by which a repetition of this request is recognized; null when the request carries none */
export function idempotencyKeyOf(request: FastifyRequest): IdempotencyKey | null {
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string") return null;
  const requestHash = createHash("sha256")
    .update(`${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}`)
    .digest();
  return { userId: callerOf(request).userId, key, requestHash };
}

/** The error code for each reason why the store refuses a turn. */
const CODES = {
  not_found: "not_found",
  busy: "session_busy",
  unauthenticated: "unauthenticated",
  model_unchecked: "model_not_allowed",
} as const satisfies Record<TurnRefusal["kind"], ApiErrorCode>;

/** The options of a route that queues a turn, besides its schema: its requests count as posts. */
export const MAKES_TURN = { config: { counts: "posts_per_minute" as const } };

/** The error codes of a route that queues a turn. */
export const QUEUE_ERRORS = [...Object.values(CODES), "quota_exceeded", "idempotency_key_reused"] as const;

/** @throws ApiError when the store refused the turn */
export function queued<K extends string>(outcome: QueuedTurn<K> | TurnRefusal): QueuedTurn<K> {
  if ("changes" in outcome) return outcome;
  throw new ApiError(CODES[outcome.kind]);
}

export const toAccepted = ({ turnId, message, version }: QueuedTurn<string>): TurnAccepted => ({
  session_id: message.session_id,
  turn_id: turnId,
  message_id: message.id,
  turn_ordinal: message.turn_ordinal,
  version,
});
