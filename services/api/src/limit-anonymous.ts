import { addressGroup, rateHeaders } from "@boocode/limits";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Deps } from "./deps.ts";
import { ApiError } from "./errors.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Where the host allows it, the route answers those without a token, too. */
    mayBeAnonymous?: boolean;
  }
}

/**
 * Lets a request without a credential pass, where its route and the host allow that.
 * @returns whether it does; one with a credential must be a valid one
 * @throws ApiError `rate_limited`
 */
export async function admitAnonymous(
  { shares, rates, limits }: Pick<Deps, "shares" | "rates" | "limits">,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<boolean> {
  const isOpen = request.routeOptions.config.mayBeAnonymous && shares.isPublic;
  if (!isOpen || request.headers.authorization !== undefined) return false;
  if (limits === null) return true;
  const wanted = { name: "anonymous_reads_per_minute", perMinute: shares.readsPerMinute };
  const states = await rates.take(`address ${addressGroup(request.ip)}`, [wanted]);
  reply.headers(rateHeaders(states));
  if (states.some(({ isAllowed }) => !isAllowed)) {
    throw new ApiError("rate_limited", "too many reads of shares from this address");
  }
  return true;
}
