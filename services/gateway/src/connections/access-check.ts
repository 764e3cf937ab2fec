/** What a look at the ended access found; see `readEndedAccess` of the store. */
interface EndedAccess {
  mark: string | null;
  now: string;
  userIds: string[] | null;
}

export interface AccessCheckDeps {
  /** Whether a caller is connected. */
  isWatched(): boolean;
  readEnded(since: string | null): Promise<EndedAccess>;
  /** Looks at the callers and followers among these users, and at those that it has not looked at; null: at all. */
  check(changed: ReadonlySet<string> | null, now: number): Promise<void>;
}

/**
 * The check of what may have ended since the last one (D9). It looks at those whose access was changed and at newcomers, so that its
 * cost does not grow with the number of sockets, and after a failure at all.
 *
 * Newcomers are looked at once, because their access may have ended between their own check and their first place in this one. What
 * ends later has a transaction that the mark of that look does not contain.
 */
export function createAccessCheck(deps: AccessCheckDeps): () => Promise<void> {
  let mark: string | null = null;
  return async () => {
    const since = mark;
    mark = null;
    if (!deps.isWatched()) return;
    const ended = await deps.readEnded(since);
    await deps.check(ended.userIds && new Set(ended.userIds), Date.parse(ended.now));
    ({ mark } = ended);
  };
}
