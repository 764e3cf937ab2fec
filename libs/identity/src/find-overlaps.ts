// PURE

/** A folder of one user that is, or lies in, a folder of another. */
export interface Overlap {
  inner: { name: string; path: string };
  outer: { name: string; path: string };
}

/** @param holders users with the real paths of their folders. @returns the overlaps of different users, by path */
export function findOverlaps(holders: readonly { name: string; folders: readonly string[] }[]): Overlap[] {
  // With NUL for each slash, a folder sorts before everything below it, and before folders whose name begins with its own.
  const sorted = holders
    .flatMap(({ name, folders }) =>
      folders.map((path) => ({ name, path, key: path.replace(/\/*$/, "/").replaceAll("/", "\0") })),
    )
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const overlaps: Overlap[] = [];
  /** The folders that contain the current one. */
  const around: typeof sorted = [];
  for (const { name, path, key } of sorted) {
    while (around.length > 0 && !key.startsWith(around.at(-1)?.key ?? "")) around.pop();
    for (const outer of around) if (outer.name !== name) overlaps.push({ inner: { name, path }, outer });
    around.push({ name, path, key });
  }
  return overlaps;
}
