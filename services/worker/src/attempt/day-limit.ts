import { LIMITS, type TurnError, type UserLimits } from "@boocode/contracts";
import { type DayCounts, findExceeded } from "@boocode/store";

/** The error that ends a turn between two of its steps when its user has used up a limit of the day; null: none is. */
export function dayLimitReached(used: DayCounts, limits: UserLimits): TurnError | null {
  const exceeded = findExceeded(used, limits, ["tokens_per_day", "tool_calls_per_day", "bytes_per_day"]);
  if (!exceeded) return null;
  const { limit, most } = exceeded;
  const message = `the limit of ${most} ${LIMITS[limit].of} is reached; the next day begins at 0:00 UTC`;
  return { code: "quota_exceeded", message };
}
