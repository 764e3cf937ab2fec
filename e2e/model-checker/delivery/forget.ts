// PURE
import { epochName, withWorker } from "./context.ts";
import type { Rules } from "./rules.ts";
import { framesOf, IDLE, type Produced, type World } from "./state.ts";

const FORGOTTEN: Produced = { base: "", start: 0, frames: "" };

/**
 * Removes from a state what nothing can depend on any more, so that states that differ only in that become one:
 * - the oracle of an older epoch, once no worker runs it, no cursor is in it, and none of its frames is on its way;
 * - the log of an older epoch, once no catch-up holds or can use rows from that time: a join reads only the log of the epoch
 *   that Postgres has.
 */
export function forget(rules: Rules, world: World): World {
  let after = dismiss(rules, world);
  if (world.rows.every((row) => row.attempt < 2)) return after;
  const { catchUp, cached, arriving } = world.gateway;
  const reads = catchUp?.phase === "reading" || cached?.some((row, turn) => row.attempt < world.rows[turn]!.attempt);
  for (let turn = 0; turn < world.rows.length; turn++) {
    const row = world.rows[turn]!;
    for (let attempt = 1; attempt < row.attempt; attempt++) {
      if (row.produced[attempt - 1] === FORGOTTEN) continue;
      const held = after.workers.some((worker) => worker.turn === turn && worker.attempt === attempt);
      const epoch = epochName(rules, turn, attempt);
      const stood = world.subscribers.some(
        ({ at, cursor, loading }) => loading || at.startsWith(epoch) || cursor.startsWith(epoch),
      );
      const planned =
        catchUp?.phase === "planned" &&
        catchUp.plans.some((plan) => plan?.frames.some(({ position }) => position.startsWith(epoch)));
      if (held || stood || planned || reads || framesOf(arriving).some((f) => f.startsWith(epoch))) continue;
      const produced = after.rows[turn]!.produced.map((one, i) => (i === attempt - 1 ? FORGOTTEN : one));
      after = { ...after, rows: after.rows.map((one, i) => (i === turn ? { ...one, produced } : one)) };
    }
  }
  if (world.log && !reads && rules.epochs) {
    const current = framesOf(world.log).filter((frame) => {
      const row = world.rows[Number(frame[0]) - 1];
      // The log of another database stays: only its nonce differs.
      return !row || Number(frame[1]) >= row.attempt || frame[2] !== "n";
    });
    if (current.length * 5 < world.log.length) after = { ...after, log: current.join("") };
  }
  return after;
}

/** Frees workers that have appended everything and have ended their turn or lost it: they can do nothing more. */
function dismiss(rules: Rules, world: World): World {
  let after = world;
  for (const [index, { turn, attempt, sent }] of world.workers.entries()) {
    if (turn < 0) continue;
    const row = world.rows[turn]!;
    if (sent < row.produced[attempt - 1]!.frames.length) continue;
    const holds = row.attempt === attempt && (row.status === "r" || row.status === "x");
    // In the mutant without the fence on drafts, such a worker can still save one.
    if (!holds && (rules.fencedDrafts || row.attempt === attempt)) after = withWorker(after, index, IDLE);
  }
  return after;
}
