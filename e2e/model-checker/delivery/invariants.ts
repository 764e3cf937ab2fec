// PURE
import { hasEnded, placeOf, type Row, type Subscriber, stored, textAt, type World } from "./state.ts";

/** D1–D6 and T4, checked in every state. @returns the one that is broken */
export function brokenInvariant(world: World): string | null {
  if (world.wrong) return world.wrong;
  for (const row of world.rows) {
    if (!row.deleted && stored(row) !== textAt(row, row.attempt, row.seq)) {
      return `T4 "${stored(row)}" is stored as attempt ${row.attempt} up to ${row.seq}, which is "${textAt(row, row.attempt, row.seq)}"`;
    }
  }
  for (const subscriber of world.subscribers) {
    for (let turn = 0; turn < world.rows.length; turn++) {
      const broken = brokenView(subscriber, turn, world.rows[turn]!);
      if (broken) return broken;
    }
  }
  return null;
}

function brokenView(subscriber: Subscriber, turn: number, row: Row): string | null {
  const { epoch, seq } = placeOf(subscriber.cursor);
  const shown = subscriber.texts[turn]!;
  const end = subscriber.ends[turn]!;
  if (end && !hasEnded(row)) return `D5 "${end}" is shown, and the turn is ${row.status}`;
  const isCurrent = epoch.ordinal === turn + 1;
  if (isCurrent && epoch.attempt > row.attempt)
    return `D6 attempt ${epoch.attempt} is shown, Postgres has ${row.attempt}`;
  if (end && (end !== row.status || (isCurrent && epoch.attempt !== row.attempt))) {
    return `D4 "${end}" of attempt ${epoch.attempt} is shown, "${row.status}" of ${row.attempt} is final`;
  }
  if (row.deleted) return null;
  const right = isCurrent ? textAt(row, epoch.attempt, seq) : epoch.ordinal > turn ? stored(row) : "";
  if (shown !== right) return `D1 "${shown}" is shown at ${subscriber.cursor}, where it should be "${right}"`;
  if (epoch.ordinal > turn + 1 && end !== row.status) return `D1 turn ${turn + 1} is shown without its end`;
  return null;
}

/** D7 and T9, checked where only faults can happen. */
export function notArrived(world: World): string | null {
  for (const [turn, row] of world.rows.entries()) {
    if (!hasEnded(row)) return `T9 turn ${turn + 1} stays ${row.status}`;
    for (const subscriber of world.subscribers) {
      const same = row.deleted || (subscriber.texts[turn] === stored(row) && subscriber.ends[turn] === row.status);
      if (!same) {
        return `D7 "${subscriber.texts[turn]}"${subscriber.ends[turn]} is shown for ever, "${stored(row)}"${row.status} is stored`;
      }
    }
  }
  return null;
}
