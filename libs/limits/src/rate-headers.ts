// PURE
import { rateOf } from "./rate.ts";
import type { RateState } from "./rates.ts";

/** `Retry-After` and the fields of draft-ietf-httpapi-ratelimit-headers-11, whose lists name one item for each policy. */
export type RateHeaders = Partial<Record<"retry-after" | "ratelimit" | "ratelimit-policy", string>>;

const seconds = (ms: number) => Math.max(1, Math.ceil(ms / 1_000));

/** The header that says when a client may come again. */
export const retryAfter = (ms: number): RateHeaders => ({ "retry-after": String(seconds(ms)) });

const policyOf = (state: RateState) => {
  const { limit, windowMs } = rateOf(state);
  return `"${state.name}";q=${limit};w=${seconds(windowMs)}`;
};

/** The headers of an answer that counted towards these rates. `retry-after` is among them when one is used up. */
export function rateHeaders(states: readonly RateState[]): RateHeaders {
  if (states.length === 0) return {};
  const refused = states.filter(({ isAllowed }) => !isAllowed);
  const resetIn = ({ remaining, retryInMs }: RateState) => (remaining > 0 ? 0 : seconds(retryInMs));
  return {
    "ratelimit-policy": states.map(policyOf).join(", "),
    ratelimit: states.map((state) => `"${state.name}";r=${state.remaining};t=${resetIn(state)}`).join(", "),
    ...(refused.length > 0 && { "retry-after": String(seconds(Math.max(...refused.map((state) => state.retryInMs)))) }),
  };
}

/** The headers of an answer that a stock or a day's limit refused. */
export const quotaHeaders = (quota: { name: string; most: number; used: number; retryInS: number }): RateHeaders => ({
  "ratelimit-policy": `"${quota.name}";q=${quota.most}${quota.name.endsWith("_per_day") ? ";w=86400" : ""}`,
  ratelimit: `"${quota.name}";r=${Math.max(0, quota.most - quota.used)};t=${quota.retryInS}`,
  "retry-after": String(quota.retryInS),
});
