// PURE
import { hasEnded, placeOf, type Row, stored, textAt, type Viewer, type World } from "./state.ts";

/** D1–D6 and T4, in every state. @returns the one that does not hold */
export function brokenInvariant(world: World): string | null {
  if (world.wrong) return world.wrong;
  for (const row of world.rows) {
    if (!row.deleted && stored(row) !== textAt(row, row.attempt, row.seq)) {
      return `T4 "${stored(row)}" is stored as attempt ${row.attempt} up to ${row.seq}, which is "${textAt(row, row.attempt, row.seq)}"`;
    }
  }
  for (const viewer of world.viewers) {
    for (let turn = 0; turn < world.rows.length; turn++) {
      const broken = brokenView(viewer, turn, world.rows[turn]!);
      if (broken) return broken;
    }
  }
  return null;
}

function brokenView(viewer: Viewer, turn: number, row: Row): string | null {
  const { epoch, seq } = placeOf(viewer.cursor);
  const shown = viewer.texts[turn]!;
  const end = viewer.ends[turn]!;
  if (end && !hasEnded(row)) return `D5 "${end}" is shown, and the turn is ${row.status}`;
  const isCurrent = epoch.ordinal === turn + 1;
  if (isCurrent && epoch.attempt > row.attempt)
    return `D6 attempt ${epoch.attempt} is shown, Postgres has ${row.attempt}`;
  if (end && (end !== row.status || (isCurrent && epoch.attempt !== row.attempt))) {
    return `D4 "${end}" of attempt ${epoch.attempt} is shown, "${row.status}" of ${row.attempt} is final`;
  }
  if (row.deleted) return null;
  const right = isCurrent ? textAt(row, epoch.attempt, seq) : epoch.ordinal > turn ? stored(row) : "";
  if (shown !== right) return `D1 "${shown}" is shown at ${viewer.cursor}, where it should be "${right}"`;
  if (epoch.ordinal > turn + 1 && end !== row.status) return `D1 turn ${turn + 1} is shown without its end`;
  return null;
}

/** D7 and T9, where nothing but a fault is left to happen. */
export function notArrived(world: World): string | null {
  for (const [turn, row] of world.rows.entries()) {
    if (!hasEnded(row)) return `T9 turn ${turn + 1} stays ${row.status}`;
    for (const viewer of world.viewers) {
      const same = row.deleted || (viewer.texts[turn] === stored(row) && viewer.ends[turn] === row.status);
      if (!same) {
        return `D7 "${viewer.texts[turn]}"${viewer.ends[turn]} is shown for ever, "${stored(row)}"${row.status} is stored`;
      }
    }
  }
  return null;
}
