import { every } from "@boocode/runtime";
import type { Draft } from "@boocode/store";

/** Saves the drafts of all streams of this process in one statement, each at most once per `intervalMs`. */
export interface DraftSaver {
  /** Takes the newest draft of a turn, which replaces the previous one. */
  put(draft: Draft): void;
  /** Forgets a turn's draft, because a commit with the whole text follows. */
  drop(turnId: string): void;
  stop(): Promise<void>;
}

export interface DraftSaverDeps {
  intervalMs: number;
  /** @returns the turns whose draft was saved */
  save(drafts: Draft[]): Promise<Set<string>>;
  /** A draft was refused. Another worker may have claimed the turn, so its lease should be checked. */
  onRefused(turnId: string): void;
  onError(error: unknown): void;
}

export function createDraftSaver(deps: DraftSaverDeps): DraftSaver {
  const waiting = new Map<string, Draft>();
  const savedAt = new Map<string, number>();

  const stop = every(
    () => Math.max(10, deps.intervalMs / 5),
    async () => {
      const now = performance.now();
      const due = [...waiting.values()].filter(
        (draft) => now - (savedAt.get(draft.turnId) ?? Number.NEGATIVE_INFINITY) >= deps.intervalMs,
      );
      if (due.length === 0) return;
      const saved = await deps.save(due);
      for (const draft of due) {
        // While this draft was saved, a newer one may have arrived or the turn may have ended.
        const current = waiting.get(draft.turnId);
        if (!current) continue;
        // Either the row was locked, and the next run saves the draft; or another worker claimed the turn, which the lease
        // check finds.
        if (!saved.has(draft.turnId)) deps.onRefused(draft.turnId);
        else {
          savedAt.set(draft.turnId, now);
          if (current === draft) waiting.delete(draft.turnId);
        }
      }
    },
    deps.onError,
  );

  return {
    put(draft) {
      // The interval starts with the stream's first text, so that a short answer is written only once, at its end.
      if (!savedAt.has(draft.turnId)) savedAt.set(draft.turnId, performance.now());
      waiting.set(draft.turnId, draft);
    },
    drop(turnId) {
      waiting.delete(turnId);
      savedAt.delete(turnId);
    },
    stop,
  };
}
