import { aheadInLine, nextInLine } from "@boocode/runtime";

/** A fixed number of slots, shared fairly among users. */
export interface SlotLine {
  /**
   * Resolves when the user gets a slot, with the function that gives it back, and with null after `waitMs`. Rejects with the signal's
   * reason when it aborts first.
   * @param onWait called once, when there is still no slot after a moment, with how many get one first
   */
  enter(
    user: string,
    waitMs: number,
    signal: AbortSignal,
    onWait?: (ahead: number) => void,
  ): Promise<(() => void) | null>;
  /** How many slots the user holds or waits for. */
  countOf(user: string): number;
}

interface Waiting {
  user: string;
  grant(): void;
}

/** Shorter waits are not worth a notice. */
const TELL_AFTER_MS = 100;

/** @param most how many slots one user may hold */
export function createSlotLine(size: number, most: number): SlotLine {
  const held = new Map<string, number>();
  const line: Waiting[] = [];
  let free = size;

  function grantFree(): void {
    while (free > 0) {
      const next = line[nextInLine(line, held, most)];
      if (!next) return;
      next.grant();
    }
  }

  /** Giving a slot back a second time has no effect. */
  function take(user: string): () => void {
    free -= 1;
    held.set(user, (held.get(user) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      free += 1;
      const left = (held.get(user) ?? 0) - 1;
      if (left > 0) held.set(user, left);
      else held.delete(user);
      grantFree();
    };
  }

  return {
    countOf: (user) => (held.get(user) ?? 0) + line.filter((waiting) => waiting.user === user).length,
    async enter(user, waitMs, signal, onWait) {
      signal.throwIfAborted();
      return await new Promise((resolve, reject) => {
        const leave = () => {
          clearTimeout(timer);
          clearTimeout(telling);
          signal.removeEventListener("abort", abort);
          const at = line.indexOf(waiting);
          if (at !== -1) line.splice(at, 1);
        };
        const abort = () => {
          leave();
          reject(signal.reason);
        };
        const waiting: Waiting = {
          user,
          grant() {
            leave();
            resolve(take(user));
          },
        };
        const timer = setTimeout(() => {
          leave();
          resolve(null);
        }, waitMs);
        const telling =
          onWait && setTimeout(() => onWait(aheadInLine(line, held, line.indexOf(waiting))), TELL_AFTER_MS);
        signal.addEventListener("abort", abort);
        line.push(waiting);
        grantFree();
      });
    },
  };
}
