import { LIMITS } from "@boocode/contracts";
import { quotaHeaders, type RateHeaders } from "@boocode/limits";
import type { Exceeded } from "@boocode/store";

/** When a stock has room again, nobody can say; a client should not ask all the time. */
const STOCK_RETRY_S = 60;
/** Turns that wait soon run. */
const WAITING_RETRY_S = 5;
const DAY_S = 24 * 60 * 60;

/** The answer to what a limit in the database refuses. */
export function answerToExceeded({ limit, most, used }: Exceeded): { message: string; headers: RateHeaders } {
  const isDaily = LIMITS[limit].kind === "day";
  const stockRetryInS = limit === "turns_waiting" ? WAITING_RETRY_S : STOCK_RETRY_S;
  const retryInS = isDaily ? DAY_S - (Math.floor(Date.now() / 1_000) % DAY_S) : stockRetryInS;
  const when = isDaily ? "the next day begins at 0:00 UTC" : "it has room again when some are gone";
  return {
    message: `the limit of ${most} ${LIMITS[limit].of} is reached; ${when}`,
    headers: quotaHeaders({ name: limit, most, used, retryInS }),
  };
}
