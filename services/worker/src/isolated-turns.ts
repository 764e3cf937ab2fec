import { type ChildProcess, fork } from "node:child_process";
import type { FrameAppender } from "@boocode/frame-log";
import type { Logger } from "@boocode/runtime";
import type { ClaimedTurn, Fence } from "@boocode/store";
import type { Leases } from "./hold-leases.ts";
import { toFrame } from "./outputs/to-frame.ts";

/**
 * Turns that are run in processes of their own. Which of a dead worker's turns killed it, nobody knows; before one of them is
 * given up it runs apart from all others, so that what it does then it does to itself alone (T5: its neighbours live).
 */
export interface IsolatedTurns {
  /** Resolves when the turn's process has ended, however it did; its lease, if it left one, ends by itself. */
  run(turn: ClaimedTurn, claimedAt: number): Promise<void>;
  releaseAll(): void;
}

const ISOLATED = "isolated";
/** What a terminal or a service manager sends to a whole group of processes. */
const ASKED_TO_STOP = new Set<NodeJS.Signals>(["SIGTERM", "SIGINT", "SIGHUP"]);
/** A process that has not taken its turn over by then never will. */
const START_MS = 60_000;

export interface IsolatedTurnsDeps {
  leases: Leases;
  appender: FrameAppender;
  /** A turn's process was killed before it had taken the turn over: that was its attempt, or it would begin for ever. */
  spend(fence: Fence): Promise<unknown>;
  log: Logger;
}

export function createIsolatedTurns({ leases, appender, spend, log }: IsolatedTurnsDeps): IsolatedTurns {
  const children = new Set<ChildProcess>();

  /** @returns null when there is no room for another process; then nothing is spent, and the claim ends by itself */
  function start(turnId: string, attempt: number): ChildProcess | null {
    try {
      return fork(process.argv[1] as string, [ISOLATED, turnId, String(attempt)]);
    } catch (err) {
      log.error({ err, turn_id: turnId }, "a turn's own process could not be started");
      return null;
    }
  }

  return {
    async run(turn, claimedAt) {
      const { id: turnId, attempt } = turn;
      const fence = { turnId, attempt };
      // The same program with the same environment. The channel between the two says one thing, and ends with either of them.
      const child = start(turnId, attempt);
      if (!child) return;
      children.add(child);
      // A process takes its time to start, on a busy machine longer than a lease; until it says so, the turn is held here.
      const lease = leases.hold(fence, claimedAt);
      tellStart(appender, turn).catch((err: unknown) => log.warn({ err }, "telling the start of a turn failed"));
      const starting = setTimeout(() => child.kill("SIGKILL"), START_MS);
      let isTakenOver = false;
      child.once("message", () => {
        isTakenOver = true;
        clearTimeout(starting);
        lease.drop();
      });
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
      if (isTakenOver) return;
      clearTimeout(starting);
      // One that could not start, for want of a database say, has spent nothing: the lease ends, and somebody tries again.
      if (child.signalCode !== null && !ASKED_TO_STOP.has(child.signalCode) && !lease.signal.aborted)
        await spend(fence).catch((err: unknown) => log.warn({ err }, "spending an attempt failed"));
      lease.drop();
    },
    releaseAll() {
      for (const child of children) child.kill("SIGTERM");
    },
  };
}

/** Its subscribers need not wait for the process; that one says it again, and the log takes a number only once. */
async function tellStart(appender: FrameAppender, turn: ClaimedTurn): Promise<void> {
  const { session_id: sessionId, id: turnId, ordinal, attempt, nonce } = turn;
  const epoch = { ordinal, attempt, nonce };
  const frame = toFrame({ sessionId, turnId, epoch }, 1, { type: "turn_started", ordinal });
  await appender.append(sessionId, epoch, [{ seq: 1, frame }]);
}

/** @returns which turn this process was started for; null in a worker that takes turns */
export function isolatedFence(argv: readonly string[]): Fence | null {
  const [, , word, turnId, attempt] = argv;
  return word === ISOLATED && turnId ? { turnId, attempt: Number(attempt) } : null;
}
