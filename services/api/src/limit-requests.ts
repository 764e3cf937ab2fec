import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS, type RateName } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { limitsOf, type RateState, rateHeaders, ratesOf } from "@boocode/limits";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Deps } from "./deps.ts";
import { ApiError } from "./errors.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the route's requests count as besides requests: those that queue a turn, as posts. */
    counts?: RateName;
    /** With `q`, the route searches. */
    searches?: boolean;
  }
}

/** A refusal waits this long, or until the client may come again, so that a client that does not wait as told costs little. */
const REFUSAL_MS = 250;

/** Counts a request of an authenticated caller. @throws ApiError `rate_limited` */
export async function limitRequest(
  { rates, limits }: Pick<Deps, "rates" | "limits">,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const own = limitsOf(limits, caller);
  const names: RateName[] = ["requests_per_minute"];
  const { counts, searches } = request.routeOptions.config;
  if (counts) names.push(counts);
  if (searches && (request.query as { q?: unknown }).q !== undefined) names.push("searches_per_minute");
  const states = await rates.take(caller.userId, ratesOf(own, names));
  reply.headers(rateHeaders(states));
  const refused = states.find(({ isAllowed }) => !isAllowed);
  if (!refused) return;
  await sleep(Math.min(REFUSAL_MS, refused.retryInMs));
  throw rateLimited(refused);
}

function rateLimited({ name, perMinute, atOnce = perMinute, retryInMs }: RateState<RateName>): ApiError {
  const together = atOnce < perMinute ? `, ${atOnce} of them at once` : "";
  const when = `try again in ${Math.ceil(retryInMs / 1_000)} s`;
  return new ApiError(
    "rate_limited",
    `too many ${LIMITS[name].of}: ${perMinute} a minute are allowed${together}; ${when}`,
  );
}
