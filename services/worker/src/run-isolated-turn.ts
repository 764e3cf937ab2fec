import { type ServiceContext, withDeadline } from "@boocode/runtime";
import { type Fence, isTransient, takeOverClaim } from "@boocode/store";
import type { Config } from "./config.ts";
import { processTurn } from "./process-turn.ts";
import { wireTurns } from "./wire-turns.ts";

/** Its subscribers wait: they are served from Postgres while Redis is away. */
const REDIS_TIMEOUT_MS = 500;

/** Longer than a statement takes: one that is answered after this time was not made, and the attempt is not spent unseen. */
const TAKE_OVER_MS = 10_000;

/** The life of a process that runs one turn, which a worker has claimed for it, and ends with it. */
export async function runIsolatedTurn(context: ServiceContext<Config>, fence: Fence): Promise<void> {
  // Whoever ends with its parent ends at once; here the turn is taken over and handed back first, which is faster than its lease.
  process.removeAllListeners("disconnect");
  const taken = await takeOver(context, fence).catch((err: unknown) => {
    if (!isTransient(err)) throw err;
    context.log.warn({ err }, "a turn could not be taken over");
    return null;
  });
  if (!taken) return context.stop("its turn is not to be had");
  const { turn, claimedAt, leases, turnDeps } = taken;
  // From here on the lease is kept here; a worker that is gone meanwhile need not hear it.
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

/** @returns null when the turn is no longer held for this process. @throws as the database does; then nothing is spent */
async function takeOver(context: ServiceContext<Config>, fence: Fence) {
  const { config, failpoint } = context;
  const { pool, leases, turnDeps } = await wireTurns(context, () => 1, REDIS_TIMEOUT_MS);
  await failpoint("after-isolated-start");
  const claimedAt = performance.now();
  const claim = { workerId: config.WORKER_ID, leaseMs: config.LEASE_MS };
  const turn = await withDeadline(TAKE_OVER_MS, "taking over a claim", takeOverClaim(pool, fence, claim));
  await failpoint("after-take-over");
  return turn && { turn, claimedAt, leases, turnDeps };
}
