import { type ServiceContext, withDeadline } from "@boocode/runtime";
import { type Fence, isTransient, takeOverClaim } from "@boocode/store";
import { processTurn } from "./attempt/process-turn.ts";
import { type Config, isolatedConnections } from "./config.ts";
import { wireTurns } from "./wire-turns.ts";

/** Short, because subscribers wait for the turn; without Redis they are served from Postgres. */
const REDIS_TIMEOUT_MS = 500;

/** Longer than the statement time-out, so that a take-over that exceeds it did not commit and spent no attempt. */
const TAKE_OVER_MS = 10_000;

/** Runs the one turn that a worker claimed for this process, and then stops the process. */
export async function runIsolatedTurn(context: ServiceContext<Config>, fence: Fence): Promise<void> {
  // If its worker dies, this process does not exit at once but takes over the turn and releases it, which is faster than
  // waiting until the lease expires.
  process.removeAllListeners("disconnect");
  const taken = await takeOver(context, fence).catch((err: unknown) => {
    if (!isTransient(err)) throw err;
    context.log.warn({ err }, "the turn could not be taken over");
    return null;
  });
  if (!taken) return context.stop("its turn could not be taken over");
  const { turn, claimedAt, leases, turnDeps } = taken;
  // From here on this process renews the lease. The callback ignores the error when the worker has died.
  process.send?.("held", () => {});
  const run = processTurn(turnDeps, turn, claimedAt);
  context.onRelease("turn", async () => {
    leases.releaseAll();
    await run;
  });
  process.once("disconnect", () => context.stop("its worker is gone"));
  if (!process.connected) context.stop("its worker is gone");
  await run;
  context.stop("its turn has ended");
}

/** @returns null when the turn is no longer held for this process. @throws the database's error; no attempt is spent then */
async function takeOver(context: ServiceContext<Config>, fence: Fence) {
  const { config, failpoint } = context;
  const small = { ...config, DATABASE_CONNECTIONS: isolatedConnections(config), TOOL_PROCESSES: 1 };
  const { pool, leases, turnDeps } = await wireTurns({ ...context, config: small }, REDIS_TIMEOUT_MS);
  await failpoint("after-isolated-start");
  const claimedAt = performance.now();
  const claim = { workerId: config.WORKER_ID, leaseMs: config.LEASE_MS };
  const turn = await withDeadline(TAKE_OVER_MS, "taking over a claim", takeOverClaim(pool, fence, claim));
  await failpoint("after-take-over");
  return turn && { turn, claimedAt, leases, turnDeps };
}
