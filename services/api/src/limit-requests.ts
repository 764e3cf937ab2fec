import { LIMITS, type RateName } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { limitsOf, type RateState, rateHeaders } from "@boocode/limits";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Deps } from "./deps.ts";
import { ApiError } from "./errors.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the route's requests count as besides requests: those that queue a turn, as posts. */
    counts?: RateName;
  }
}

/** Counts a request of an authenticated caller. @throws ApiError `rate_limited` */
export async function limitRequest(
  { rates, limits }: Pick<Deps, "rates" | "limits">,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const own = limitsOf(limits, caller);
  const names: RateName[] = ["requests_per_minute"];
  const { counts } = request.routeOptions.config;
  if (counts) names.push(counts);
  const wanted = names.flatMap((name) => (own[name] === null ? [] : [{ name, perMinute: own[name] }]));
  const states = await rates.take(caller.userId, wanted);
  reply.headers(rateHeaders(states));
  const refused = states.find(({ isAllowed }) => !isAllowed);
  if (refused) throw rateLimited(refused);
}

const rateLimited = ({ name, perMinute, retryInMs }: RateState<RateName>) =>
  new ApiError(
    "rate_limited",
    `too many ${LIMITS[name].of}: ${perMinute} a minute are allowed; try again in ${Math.ceil(retryInMs / 1_000)} s`,
  );
