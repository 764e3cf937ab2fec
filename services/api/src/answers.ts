import { API_ERRORS, type ApiErrorCode, ErrorBody } from "@boocode/contracts";
import type { z } from "zod";

/** What any route below `/api` may answer, whatever it does. */
const ALWAYS = ["unauthenticated", "unavailable", "internal"] as const;

/** What a route that takes a body may say of it. */
export const BODY_ERRORS = ["invalid_request", "body_too_large", "unsupported_media_type"] as const;

type Refusals<C extends ApiErrorCode> = { [code in C as (typeof API_ERRORS)[code]["status"]]: typeof ErrorBody };

/**
 * The `response` of a route's schema.
 * @param done what is answered when all is well, by status
 * @param codes of the refusals that are this route's own; the description of the API lists each under its status
 */
export function answers<D extends Record<number, z.ZodType>, C extends ApiErrorCode = never>(
  done: D,
  ...codes: C[]
): D & Refusals<C | (typeof ALWAYS)[number]> {
  const byStatus: Record<number, string[]> = {};
  for (const code of [...codes, ...ALWAYS]) {
    const { status, when } = API_ERRORS[code];
    byStatus[status] = [...(byStatus[status] ?? []), `\`${code}\`: ${when}`];
  }
  return Object.fromEntries([
    ...Object.entries(done).map(([status, schema]) => [status, schema.meta({ description: "Done" })]),
    ...Object.entries(byStatus).map(([status, lines]) => [status, ErrorBody.meta({ description: lines.join("; ") })]),
  ]) as D & Refusals<C | (typeof ALWAYS)[number]>;
}
