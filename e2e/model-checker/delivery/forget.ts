// PURE
import { epochName, withWorker } from "./context.ts";
import type { Rules } from "./rules.ts";
import { framesOf, IDLE, type Produced, type World } from "./state.ts";

const FORGOTTEN: Produced = { base: "", start: 0, frames: "" };

/**
 * Takes out of a state what nothing can depend on any more, so that states which differ in nothing else are one.
 *
 * The oracle of an older epoch, once no worker holds it, no subscriber stands in it, and nothing of it is on its way. The log of
 * an older epoch, once no pass is reading, or may yet read, what Postgres was then: joins read the log of the epoch that
 * Postgres names.
 */
export function forget(rules: Rules, world: World): World {
  let after = dismiss(rules, world);
  if (world.rows.every((row) => row.attempt < 2)) return after;
  const { pass, kept, arriving } = world.gateway;
  const reads = pass?.answers === null || kept?.some((row, turn) => row.attempt < world.rows[turn]!.attempt);
  for (let turn = 0; turn < world.rows.length; turn++) {
    const row = world.rows[turn]!;
    for (let attempt = 1; attempt < row.attempt; attempt++) {
      if (row.produced[attempt - 1] === FORGOTTEN) continue;
      const held = after.workers.some((worker) => worker.turn === turn && worker.attempt === attempt);
      const epoch = epochName(rules, turn, attempt);
      const stood = world.subscribers.some(
        ({ at, cursor, loading }) => loading || at.startsWith(epoch) || cursor.startsWith(epoch),
      );
      const told = pass?.answers?.some((answer) => answer?.frames.some(({ place }) => place.startsWith(epoch)));
      if (held || stood || told || reads || framesOf(arriving).some((f) => f.startsWith(epoch))) continue;
      const produced = after.rows[turn]!.produced.map((one, i) => (i === attempt - 1 ? FORGOTTEN : one));
      after = { ...after, rows: after.rows.map((one, i) => (i === turn ? { ...one, produced } : one)) };
    }
  }
  if (world.log && !reads && rules.epochs) {
    const current = framesOf(world.log).filter((frame) => {
      const row = world.rows[Number(frame[0]) - 1];
      // A stranger's log stays: only its nonce tells it from ours.
      return !row || Number(frame[1]) >= row.attempt || frame[2] !== "n";
    });
    if (current.length * 5 < world.log.length) after = { ...after, log: current.join("") };
  }
  return after;
}

/** A worker that has told the end, or has lost its fence and has nothing on its way, does nothing more. */
function dismiss(rules: Rules, world: World): World {
  let after = world;
  for (const [index, { turn, attempt, sent }] of world.workers.entries()) {
    if (turn < 0) continue;
    const row = world.rows[turn]!;
    if (sent < row.produced[attempt - 1]!.frames.length) continue;
    const holds = row.attempt === attempt && (row.status === "r" || row.status === "x");
    // A draft without its fence is the one thing that it might still do.
    if (!holds && (rules.fencedDrafts || row.attempt === attempt)) after = withWorker(after, index, IDLE);
  }
  return after;
}
