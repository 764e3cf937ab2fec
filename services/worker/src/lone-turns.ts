import { type ChildProcess, spawn } from "node:child_process";
import type { Logger } from "@boocode/runtime";
import type { Fence } from "@boocode/store";

/**
 * Turns that are run in processes of their own. Which of a dead worker's turns killed it, nobody knows; before one of them is
 * given up it runs apart from all others, so that what it does then it does to itself alone (T5: its neighbours live).
 */
export interface LoneTurns {
  /** Resolves when the turn's process has ended, however it did; its lease, if it left one, ends by itself. */
  run(fence: Fence): Promise<void>;
  handBackAll(): void;
}

const ALONE = "alone";

export function createLoneTurns(log: Logger): LoneTurns {
  const children = new Set<ChildProcess>();
  return {
    async run({ turnId, attempt }) {
      const main = process.argv[1] as string;
      const child = spawn(process.execPath, [...process.execArgv, main, ALONE, turnId, String(attempt)], {
        // Its standard input says nothing, and ends with this process: then nobody waits for it any more.
        stdio: ["pipe", "inherit", "inherit"],
      });
      children.add(child);
      await new Promise<void>((resolve) => {
        child.once("error", (err) => {
          log.error({ err, turn_id: turnId }, "a turn's own process could not be started");
          resolve();
        });
        child.once("exit", (code, signal) => {
          if (code !== 0) log.warn({ turn_id: turnId, code, signal }, "a turn's own process died");
          resolve();
        });
      });
      children.delete(child);
    },
    handBackAll() {
      for (const child of children) child.kill("SIGTERM");
    },
  };
}

/** @returns which turn this process was started for; null in a worker that takes turns */
export function loneFence(argv: readonly string[]): Fence | null {
  const [, , word, turnId, attempt] = argv;
  return word === ALONE && turnId ? { turnId, attempt: Number(attempt) } : null;
}
