import { createHash } from "node:crypto";
import type { IdempotencyKey } from "@boocode/store";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { callerOf } from "./deps.ts";

/** The headers of a request that may be sent again without being done again. */
export const IdempotentHeaders = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 visible ASCII characters")
    .optional(),
});

/** @returns what makes this request the same one again; null when it carries no key */
export function idempotencyKeyOf(request: FastifyRequest): IdempotencyKey | null {
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string") return null;
  const requestHash = createHash("sha256")
    .update(`${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}`)
    .digest();
  return { userId: callerOf(request).userId, key, requestHash };
}
