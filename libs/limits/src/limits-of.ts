// PURE
import { LIMIT_NAMES, LIMITS, type LimitChange, type RateName, type Role, type UserLimits } from "@boocode/contracts";
import type { RateWanted } from "./rates.ts";

/** The limits of each role; null: nobody has any. */
export type LimitSettings = Record<Role, UserLimits> | null;

const everywhere = (value: (name: keyof UserLimits) => number | null) =>
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, value(name)])) as UserLimits;

export const DEFAULT_LIMITS = everywhere((name) => LIMITS[name].default);
export const NO_LIMITS = everywhere(() => null);

/** The limits of one user. @param own what an administrator set for this user */
export function limitsOf(
  settings: LimitSettings,
  { role, limits: own }: { role: Role; limits?: LimitChange | null },
): UserLimits {
  return settings ? { ...settings[role], ...own } : NO_LIMITS;
}

/** A question costs what dozens of other requests do, so that few may come at once: those of 10 s, or these. */
const FEWEST_POSTS_AT_ONCE = 10;
const postsAtOnce = (perMinute: number) =>
  Math.min(perMinute, Math.max(FEWEST_POSTS_AT_ONCE, Math.ceil(perMinute / 6)));

/** The rates that count a user's request, of those with these names that are limited. */
export function ratesOf(limits: UserLimits, names: RateName[]): RateWanted<RateName>[] {
  return names.flatMap((name) => {
    const perMinute = limits[name];
    if (perMinute === null) return [];
    return [{ name, perMinute, ...(name === "posts_per_minute" && { atOnce: postsAtOnce(perMinute) }) }];
  });
}
