import {
  MAX_USAGE_DAYS,
  MAX_USAGE_GROUPS,
  type UsageDimension,
  type UsageGroup,
  type UsageQuery,
  type UsageReport,
} from "@boocode/contracts";
import type { UsageRange } from "@boocode/store";
import type { z } from "zod";
import { ApiError } from "./errors.ts";

const DAY_MS = 24 * 60 * 60_000;
const DEFAULT_DAYS = 30;

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/**
 * Answers a query for usage; without a range, for the last 30 days.
 * @throws ApiError `invalid_request` for a range that is empty or too long
 */
export async function usageReport(
  { by, from, to }: z.infer<typeof UsageQuery>,
  read: (range: UsageRange) => Promise<UsageGroup[]>,
): Promise<UsageReport> {
  const last = to ?? dayOf(Date.now());
  const first = from ?? dayOf(Date.parse(last) - (DEFAULT_DAYS - 1) * DAY_MS);
  const days = (Date.parse(last) - Date.parse(first)) / DAY_MS + 1;
  if (days < 1) throw new ApiError("invalid_request", `from: ${first} is after the last day, ${last}`);
  if (days > MAX_USAGE_DAYS)
    throw new ApiError("invalid_request", `from: a report has at most ${MAX_USAGE_DAYS} days, and these are ${days}`);
  // One more than are sent shows whether there are more.
  const range = { by: by.split(",") as UsageDimension[], from: first, to: last, limit: MAX_USAGE_GROUPS + 1 };
  const groups = await read(range);
  return { from: first, to: last, groups: groups.slice(0, MAX_USAGE_GROUPS), more: groups.length > MAX_USAGE_GROUPS };
}
