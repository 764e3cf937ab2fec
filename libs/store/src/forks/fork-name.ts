// PURE

/** As long as a name may be, in UTF-16 units. */
const MOST = 200;
const OF = "Fork of ";

/** The name of a fork, which states its source. @param source null: it has no name */
export function forkName(source: string | null): string {
  if (source === null) return `${OF}an unnamed session`;
  const whole = OF + source;
  if (whole.length <= MOST) return whole;
  // Not in the middle of a character.
  const cut = whole.slice(0, MOST - 1);
  return `${cut.isWellFormed?.() === false ? cut.slice(0, -1) : cut}…`;
}
