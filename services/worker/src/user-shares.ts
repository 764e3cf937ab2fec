// PURE
/** How many of a worker's slots each user holds. */
export interface UserShares {
  take(userId: string): void;
  free(userId: string): void;
  /** The most that one user may hold, and what each holds. */
  state(): { most: number; held: ReadonlyMap<string, number> };
}

/** The most of `size` slots that one user may hold: all but the last quarter, which is at least one; of a single slot, that. */
export const mostOfUser = (size: number) => Math.max(1, size - Math.max(1, Math.floor(size / 4)));

export function createUserShares(size: number): UserShares {
  const held = new Map<string, number>();
  const change = (userId: string, by: number) => {
    const count = (held.get(userId) ?? 0) + by;
    if (count > 0) held.set(userId, count);
    else held.delete(userId);
  };
  return {
    take: (userId) => change(userId, 1),
    free: (userId) => change(userId, -1),
    state: () => ({ most: mostOfUser(size), held }),
  };
}
