// PURE
import { compareEpochs, sameEpoch } from "@boocode/contracts";
import { framesAfter } from "../../../services/gateway/src/joining/plan-join.ts";
import { type Context, epochName } from "./context.ts";
import { framesOf, type Gateway, type Pass, placeOf, type Row, type World } from "./state.ts";

/*
 * What a pass read of Postgres serves those who join soon after, as `topic-reader.ts` has it: as long as the log leads from it
 * to the newest place that was heard of. That it is kept for ten seconds only is left out: it may be too old at any moment,
 * because a pass may always read anew.
 */

/** Whether the log leads from what was read before to the newest place that was heard of. */
export function reaches(context: Context, { rows, goal }: Pass, log: string): boolean {
  if (!context.rules.sharedReadsReach) return true;
  const start = currentPlace(context, rows);
  if (goal === "00n0") return true;
  if (start === "00n0") return false;
  const [from, to] = [placeOf(start), placeOf(goal!)];
  if (!sameEpoch(from.epoch, to.epoch)) return compareEpochs(from.epoch, to.epoch) > 0;
  const frames = framesOf(log).filter((frame) => frame.startsWith(start.slice(0, 3)));
  const ahead = framesAfter(
    from,
    frames.map((frame) => ({ position: placeOf(frame.slice(0, 4)), json: "" })),
  );
  return (ahead.at(-1)?.position ?? from).seq >= to.seq;
}

/** A place was heard of, from a frame or from the position check. */
export function heard(world: World, place: string): World {
  const [known, told] = [placeOf(world.gateway.newest), placeOf(place)];
  const order = compareEpochs(told.epoch, known.epoch);
  const isNewer = order > 0 || (order === 0 && told.seq > known.seq);
  // Kept only beside what it is for: other scopes would count the same state many times.
  return isNewer && world.gateway.kept ? withGateway(world, { newest: place }) : world;
}

/** The newest turn that a worker has taken, and its newest committed frame. */
export function currentPlace(context: Context, rows: readonly Row[]): string {
  const turn = rows.findLastIndex((row) => row.attempt > 0);
  return turn < 0 ? "00n0" : `${epochName(context.rules, turn, rows[turn]!.attempt)}${rows[turn]!.seq}`;
}

export const withGateway = (world: World, change: Partial<Gateway>): World => ({
  ...world,
  gateway: { ...world.gateway, ...change },
});
