// PURE
import { hasEnded, positionOf, type Row, type Subscriber, stored, textAt, type World } from "./state.ts";

/** Checks D1, D2, D3, D4, D5, D6, T4 and T11 in a state. @returns the broken invariant */
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
  const { epoch, seq } = positionOf(subscriber.cursor);
  const shown = subscriber.texts[turn]!;
  const end = subscriber.ends[turn]!;
  if (end && !hasEnded(row)) return `D5 the end "${end}" is shown, and the turn is ${row.status}`;
  const isCurrent = epoch.ordinal === turn + 1;
  if (isCurrent && epoch.attempt > row.attempt)
    return `D6 attempt ${epoch.attempt} is shown, Postgres has ${row.attempt}`;
  if (end && (end !== row.status || (isCurrent && epoch.attempt !== row.attempt))) {
    return `D4 the end "${end}" of attempt ${epoch.attempt} is shown, and "${row.status}" of attempt ${row.attempt} is final`;
  }
  if (row.deleted) return null;
  const right = isCurrent ? textAt(row, epoch.attempt, seq) : epoch.ordinal > turn ? stored(row) : "";
  if (shown !== right) return `D1 "${shown}" is shown at ${subscriber.cursor} instead of "${right}"`;
  if (epoch.ordinal > turn + 1 && end !== row.status) return `D1 turn ${turn + 1} is shown without its end`;
  return null;
}

/** Checks D7 and T9 in a state whose only steps are faults. */
export function notDelivered(world: World): string | null {
  for (const [turn, row] of world.rows.entries()) {
    if (!hasEnded(row)) return `T9 turn ${turn + 1} stays ${row.status} for ever`;
    for (const subscriber of world.subscribers) {
      const same = row.deleted || (subscriber.texts[turn] === stored(row) && subscriber.ends[turn] === row.status);
      if (!same) {
        return `D7 "${subscriber.texts[turn]}"${subscriber.ends[turn]} is shown for ever, "${stored(row)}"${row.status} is stored`;
      }
    }
  }
  return null;
}
