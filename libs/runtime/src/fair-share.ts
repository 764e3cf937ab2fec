// PURE

interface Waiting {
  user: string;
}

/**
 * The most of `size` slots that one user may hold: the last quarter, at least one slot, is left for others. A single slot is
 * nobody's to keep free.
 */
export function mostOfSlots(size: number): number {
  return Math.max(1, size - Math.max(1, Math.floor(size / 4)));
}

/**
 * Chooses who gets the next free slot: of the users who hold fewest, and fewer than `most`, the one who has waited longest.
 * @param waiting in the order of arrival
 * @returns the index in `waiting`; -1 when nobody may have a slot
 */
export function nextInLine(waiting: readonly Waiting[], held: ReadonlyMap<string, number>, most: number): number {
  let next = -1;
  let fewest = most;
  for (const [index, { user }] of waiting.entries()) {
    const holds = held.get(user) ?? 0;
    if (holds >= fewest) continue;
    next = index;
    fewest = holds;
    if (holds === 0) break;
  }
  return next;
}

/** How many of those that wait get a slot before the one at `index`, if none joins the queue and no slot is released. */
export function aheadInLine(waiting: readonly Waiting[], held: ReadonlyMap<string, number>, index: number): number {
  // How many the user will hold when this one's turn has come. Slots go out in the order of this number, and then of arrival.
  const counts = new Map(held);
  const levels = waiting.map(({ user }) => {
    const level = counts.get(user) ?? 0;
    counts.set(user, level + 1);
    return level;
  });
  const own = levels[index] ?? 0;
  return levels.filter((level, other) => level < own || (level === own && other < index)).length;
}
