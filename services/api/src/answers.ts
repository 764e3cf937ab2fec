import { API_ERRORS, type ApiErrorCode, ErrorBody } from "@boocode/contracts";
import type { z } from "zod";

/** Error codes of every route below `/api`. */
const ALWAYS = ["invalid_request", "unauthenticated", "forbidden", "rate_limited", "unavailable", "internal"] as const;

/** Error codes of every route that takes a body. */
export const BODY_ERRORS = ["invalid_request", "body_too_large", "unsupported_media_type"] as const;

type Refusals<C extends ApiErrorCode> = { [code in C as (typeof API_ERRORS)[code]["status"]]: typeof ErrorBody };

/**
 * The `response` of a route's schema.
 * @param done the schemas of the successful answers, by status
 * @param codes the route's own error codes; the OpenAPI description lists each under its status
 */
export function answers<D extends Record<number, z.ZodType>, C extends ApiErrorCode = never>(
  done: D,
  ...codes: C[]
): D & Refusals<C | (typeof ALWAYS)[number]> {
  const byStatus: Record<number, string[]> = {};
  for (const code of new Set<ApiErrorCode>([...codes, ...ALWAYS])) {
    const { status, when } = API_ERRORS[code];
    byStatus[status] = [...(byStatus[status] ?? []), `\`${code}\`: ${when}`];
  }
  return Object.fromEntries([
    ...Object.entries(done).map(([status, schema]) => [status, schema.meta({ description: "Done" })]),
    ...Object.entries(byStatus).map(([status, lines]) => [status, ErrorBody.meta({ description: lines.join("; ") })]),
  ]) as D & Refusals<C | (typeof ALWAYS)[number]>;
}
