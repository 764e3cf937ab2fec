import type { Announce } from "@boocode/announce";
import { every, type Failpoint, type Logger } from "@boocode/runtime";
import {
  addStorageChanges,
  deleteLateProjects,
  deleteOldAuditEvents,
  deleteOldSession,
  emptyProject,
  findOldSessions,
  findProjectsToEmpty,
  forgetOldIdempotencyKeys,
  indexTexts,
  type Pool,
  type PurgeRule,
  purgeBatch,
} from "@boocode/store";

export interface MaintainDeps {
  pool: Pool;
  /** Whether the last look at the database saw deleted projects whose sessions are left. */
  hasProjectsToEmpty(): boolean;
  /** Whether it saw texts whose words are not written. */
  hasTextsToIndex(): boolean;
  announce: Announce;
  purge: PurgeRule;
  /** Sessions that were not used for this time are deleted; null: none. */
  retentionMs: number | null;
  /** Events of the audit log that are older are removed. */
  auditDays: number;
  failpoint: Failpoint;
  onError(error: unknown): void;
  log: Logger;
  /** The pause after a round that left nothing to do. */
  roundMs: number;
}

/** Once a look has seen a deleted project, it is emptied within this time, and the turns in it are cancelled. */
const EMPTY_EVERY_MS = 200;
const PROJECTS_AT_ONCE = 10;
/** Parts of the pause between rounds, 5 s of a minute: texts of some seconds become one batch, and searches read them themselves until then. */
const INDEX_PER_ROUND = 12;
const SESSIONS_AT_ONCE = 20;
/** Between batches the loop rests this many times as long as the last batch took, so that it takes little from the turns. */
const REST = 3;
const SHORTEST_REST_MS = 20;

/**
 * Does in batches what deletions leave behind: it deletes the sessions of deleted projects, purges what was deleted, deletes
 * sessions that reached their retention time, and forgets old idempotency keys and audit events. It also sums up what users store,
 * and writes the words by which texts are found. Every worker runs it.
 */
export function maintainStore(deps: MaintainDeps): () => Promise<void> {
  const { roundMs } = deps;
  // Jitter, so that the workers take turns.
  const jitter = () => 0.8 + Math.random() * 0.4;
  const rest = (sinceMs: number) => Math.max(SHORTEST_REST_MS, REST * (performance.now() - sinceMs));

  let emptyPauseMs = EMPTY_EVERY_MS * jitter();
  const stopEmptying = every(
    () => emptyPauseMs,
    async () => {
      const startedAt = performance.now();
      emptyPauseMs = EMPTY_EVERY_MS * jitter();
      if (!deps.hasProjectsToEmpty()) return;
      if (await emptyProjects(deps)) emptyPauseMs = SHORTEST_REST_MS + (performance.now() - startedAt);
    },
    deps.onError,
  );

  const indexEveryMs = roundMs / INDEX_PER_ROUND;
  let indexPauseMs = indexEveryMs * jitter();
  const stopIndexing = every(
    () => indexPauseMs,
    async () => {
      const startedAt = performance.now();
      indexPauseMs = indexEveryMs * jitter();
      if (!deps.hasTextsToIndex()) return;
      if ((await indexTexts(deps.pool))?.isMore) indexPauseMs = rest(startedAt);
    },
    deps.onError,
  );

  let pauseMs = roundMs * Math.random();
  let purged = 0;
  let expired = 0;
  const stopRounds = every(
    () => pauseMs,
    async () => {
      const startedAt = performance.now();
      pauseMs = roundMs * jitter();
      await deleteLateProjects(deps.pool);
      while (await addStorageChanges(deps.pool));
      const forgotten =
        (await forgetOldIdempotencyKeys(deps.pool)) + (await deleteOldAuditEvents(deps.pool, deps.auditDays));
      const old = await deleteOldSessions(deps);
      const removed = (await purgeBatch(deps.pool, deps.purge)) ?? 0;
      expired += old;
      purged += removed;
      if (forgotten + old + removed > 0) {
        pauseMs = rest(startedAt);
        return;
      }
      if (purged + expired > 0)
        deps.log.info({ rows_purged: purged, sessions_expired: expired }, "old data was removed");
      purged = 0;
      expired = 0;
    },
    deps.onError,
  );
  return async () => void (await Promise.all([stopEmptying(), stopIndexing(), stopRounds()]));
}

/** @returns whether there may be more to do */
async function emptyProjects({ pool, announce, failpoint }: MaintainDeps): Promise<boolean> {
  let isMore = false;
  for (const projectId of await findProjectsToEmpty(pool, PROJECTS_AT_ONCE)) {
    const { deleted, changes } = await emptyProject(pool, projectId);
    isMore ||= deleted > 0;
    if (changes.length > 0) await failpoint("after-empty-project");
    announce(changes);
  }
  return isMore;
}

/** @returns how many sessions were deleted */
async function deleteOldSessions({ pool, announce, failpoint, retentionMs }: MaintainDeps): Promise<number> {
  let deleted = 0;
  for (const sessionId of await findOldSessions(pool, retentionMs, SESSIONS_AT_ONCE)) {
    const outcome = await deleteOldSession(pool, sessionId, retentionMs);
    if (!outcome) continue;
    await failpoint("after-delete-old-session");
    announce(outcome.changes);
    deleted += 1;
  }
  return deleted;
}
