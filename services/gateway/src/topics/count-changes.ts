// PURE

/** What is known of the lists that a user's topic follows, by the key of each list. */
export interface KnownLists {
  /** The version of the user's lists: the sum over all lists, followed or not. */
  total: number;
  versions: ReadonlyMap<string, number>;
}

/** A change with its number in the user's lists. */
export interface Numbered<F> {
  version: number;
  frame: F;
}

/**
 * Numbers the changes of several lists as one sequence, which is dense: each list's versions are, and each change raises the
 * total by one. Changes of one list are numbered in their order; one that comes too early waits.
 */
export interface ChangeCounter<F> {
  total(): number;
  /**
   * Whether a change before these versions has not been received. The total alone does not tell: a user who was removed from a
   * project still receives its changes, until that is known.
   */
  misses(stored: KnownLists): boolean;
  /** @returns the changes to send now: none when it is old, or too early */
  receive(list: string, version: number, frame: F): Numbered<F>[];
  /**
   * Takes over what was read from Postgres.
   * @returns whether changes were missed, and those that follow what was read
   */
  merge(read: KnownLists): { isBehind: boolean; next: Numbered<F>[] };
}

/** Further early changes are dropped: the next position check finds that they are missing. */
const MAX_EARLY = 200;

export function createChangeCounter<F>(): ChangeCounter<F> {
  let known = new Map<string, number>();
  let total = 0;
  let early: { list: string; version: number; frame: F }[] = [];

  const isNext = ({ list, version }: { list: string; version: number }) => version - 1 === known.get(list);

  /** Numbers what follows the known version of its list. */
  function drain(): Numbered<F>[] {
    const next: Numbered<F>[] = [];
    for (;;) {
      early = early.filter(({ list, version }) => version > (known.get(list) ?? -1));
      const found = early.find(isNext);
      if (!found) return next;
      known.set(found.list, found.version);
      total += 1;
      next.push({ version: total, frame: found.frame });
    }
  }

  const misses = (stored: KnownLists) =>
    total < stored.total || [...stored.versions].some(([list, version]) => version > (known.get(list) ?? version));

  return {
    total: () => total,
    misses,
    receive(list, version, frame) {
      if (early.length < MAX_EARLY || isNext({ list, version })) early.push({ list, version, frame });
      return drain();
    },
    merge(read) {
      const before = total;
      const isBehind = misses(read);
      const merged = new Map<string, number>();
      total = read.total;
      for (const [list, version] of read.versions) {
        // What has been published is committed, so a read that is older than the newest frames must not undo them.
        const newest = Math.max(version, known.get(list) ?? 0);
        total += newest - version;
        merged.set(list, newest);
      }
      known = merged;
      early = early.filter(({ list }) => known.has(list));
      return { isBehind: isBehind || total !== before, next: drain() };
    },
  };
}
