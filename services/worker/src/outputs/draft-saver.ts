import { every } from "@boocode/runtime";
import type { Draft } from "@boocode/store";
import { isDraftDue } from "./draft-due.ts";

/** Saves the drafts of all streams of this process in one statement, each when it is due. */
export interface DraftSaver {
  /** Takes the newest draft of a turn, which replaces the previous one. */
  put(draft: Draft): void;
  /** Forgets a turn's draft, because a commit with the whole text follows. */
  drop(turnId: string): void;
  stop(): Promise<void>;
}

export interface DraftSaverDeps {
  /** The shortest interval between two drafts of a stream; longer texts are saved less often (`isDraftDue`). */
  intervalMs: number;
  /** @returns the turns whose draft was saved */
  save(drafts: Draft[]): Promise<Set<string>>;
  /** A draft was refused. Another worker may have claimed the turn, so its lease should be checked. */
  onRefused(turnId: string): void;
  onError(error: unknown): void;
}

export function createDraftSaver(deps: DraftSaverDeps): DraftSaver {
  const waiting = new Map<string, Draft>();
  const saved = new Map<string, { at: number; length: number }>();

  function isDue(draft: Draft, now: number): boolean {
    const { at, length: savedLength } = saved.get(draft.turnId) ?? { at: Number.NEGATIVE_INFINITY, length: 0 };
    return isDraftDue({ length: lengthOf(draft), savedLength, ageMs: now - at }, deps.intervalMs);
  }

  const stop = every(
    () => Math.max(10, deps.intervalMs / 5),
    async () => {
      const now = performance.now();
      const due = [...waiting.values()].filter((draft) => isDue(draft, now));
      if (due.length === 0) return;
      const written = await deps.save(due);
      for (const draft of due) {
        // While this draft was saved, a newer one may have arrived or the turn may have ended.
        const current = waiting.get(draft.turnId);
        if (!current) continue;
        // Either the row was locked, and the next run saves the draft; or another worker claimed the turn, which the lease
        // check finds.
        if (!written.has(draft.turnId)) deps.onRefused(draft.turnId);
        else {
          saved.set(draft.turnId, { at: now, length: lengthOf(draft) });
          if (current === draft) waiting.delete(draft.turnId);
        }
      }
    },
    deps.onError,
  );

  return {
    put(draft) {
      // The interval starts with the stream's first text, so that a short answer is written only once, at its end.
      if (!saved.has(draft.turnId)) saved.set(draft.turnId, { at: performance.now(), length: 0 });
      waiting.set(draft.turnId, draft);
    },
    drop(turnId) {
      waiting.delete(turnId);
      saved.delete(turnId);
    },
    stop,
  };
}

const lengthOf = ({ content, reasoning }: Draft) => content.length + (reasoning?.length ?? 0);
