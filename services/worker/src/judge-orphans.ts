// PURE

/**
 * Decides when an expired lease means that its worker is dead. It does not while the database was away, because then nobody
 * could renew a lease: first, each worker gets the time of one lease to renew, or to release, what it holds.
 */
export interface OrphanJudge {
  /** A look at the database succeeded. @param databaseNow its clock, in ms since the epoch */
  looked(databaseNow: number): void;
  failed(): void;
  /**
   * @returns until when, by the database's clock, a statement may take expired leases for orphans; null: not now. A statement
   *   that a stalled database runs later must not.
   */
  judgeUntil(): number | null;
}

/** The longest time that a statement is under way to a database that works. */
const UNDER_WAY_MS = 1_000;

/** @param now a monotonic clock, in ms */
export function createOrphanJudge(leaseMs: number, now: () => number): OrphanJudge {
  // After a shorter gap no lease can have expired for want of the database: heartbeats leave more than half of it.
  const longestGapMs = leaseMs / 2;
  let last: { at: number; databaseNow: number } | null = null;
  let patientUntil = Number.POSITIVE_INFINITY;
  return {
    looked(databaseNow) {
      const at = now();
      if (last === null || at - last.at > longestGapMs) patientUntil = at + leaseMs;
      last = { at, databaseNow };
    },
    failed() {
      last = null;
    },
    judgeUntil() {
      if (last === null || now() < patientUntil) return null;
      const gapMs = now() - last.at;
      return gapMs > longestGapMs ? null : last.databaseNow + gapMs + Math.min(UNDER_WAY_MS, longestGapMs);
    },
  };
}
