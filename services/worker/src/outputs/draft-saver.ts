import { every } from "@boocode/runtime";
import type { Draft } from "@boocode/store";

/** Saves the drafts of all streams of this process, each at most once in `intervalMs`, together in one statement. */
export interface DraftSaver {
  /** The newest draft of a turn; it replaces the one before. */
  put(draft: Draft): void;
  /** The turn's text is committed another way from here on. */
  drop(turnId: string): void;
  stop(): Promise<void>;
}

export interface DraftSaverDeps {
  intervalMs: number;
  /** @returns the turns whose draft was saved */
  save(drafts: Draft[]): Promise<Set<string>>;
  /** A draft was refused: the turn may have passed to another worker, and its lease should be looked at. */
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
        // A newer draft may have come while this one was saved, and a turn may have ended.
        const current = waiting.get(draft.turnId);
        if (!current) continue;
        // Its row was locked, and it is saved at the next look; or the turn is another worker's, and its lease tells.
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
      // The interval counts from the stream's first text, so that a short answer is written once, at its end.
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
