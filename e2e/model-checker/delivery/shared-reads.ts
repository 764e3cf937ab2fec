// PURE
import { compareEpochs, sameEpoch } from "@boocode/contracts";
import { framesAfter } from "../../../services/gateway/src/joining/plan-join.ts";
import { type Context, epochName } from "./context.ts";
import { framesOf, type Gateway, positionOf, type Reading, type Row, type World } from "./state.ts";

/*
 * The cached read of Postgres that later catch-ups share, as in `topic-reader.ts`: it is used as long as the log leads from it
 * to the newest known position. Its TTL is left out: a catch-up may read Postgres at any moment anyway.
 */

/** Whether the log leads from the rows that were read to the newest known position. */
export function reaches(context: Context, { rows, goal }: Reading, log: string): boolean {
  if (!context.rules.cachedReadsReachNewest) return true;
  const start = currentPosition(context, rows);
  if (goal === "00n0") return true;
  if (start === "00n0") return false;
  const [from, to] = [positionOf(start), positionOf(goal!)];
  if (!sameEpoch(from.epoch, to.epoch)) return compareEpochs(from.epoch, to.epoch) > 0;
  const frames = framesOf(log).filter((frame) => frame.startsWith(start.slice(0, 3)));
  const ahead = framesAfter(
    from,
    frames.map((frame) => ({ position: positionOf(frame.slice(0, 4)), json: "" })),
  );
  return (ahead.at(-1)?.position ?? from).seq >= to.seq;
}

/** Notes a position that a frame or the position check has shown. */
export function advanceNewest(world: World, position: string): World {
  const [known, seen] = [positionOf(world.gateway.newest), positionOf(position)];
  const order = compareEpochs(seen.epoch, known.epoch);
  const isNewer = order > 0 || (order === 0 && seen.seq > known.seq);
  // Kept only while there is a cached read; otherwise it would only multiply the states.
  return isNewer && world.gateway.cached ? withGateway(world, { newest: position }) : world;
}

/** The last committed frame of the newest turn that was claimed. */
export function currentPosition(context: Context, rows: readonly Row[]): string {
  const turn = rows.findLastIndex((row) => row.attempt > 0);
  return turn < 0 ? "00n0" : `${epochName(context.rules, turn, rows[turn]!.attempt)}${rows[turn]!.seq}`;
}

export const withGateway = (world: World, change: Partial<Gateway>): World => ({
  ...world,
  gateway: { ...world.gateway, ...change },
});
