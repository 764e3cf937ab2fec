import { type ChildProcess, fork } from "node:child_process";
import type { FrameAppender } from "@boocode/frame-log";
import type { Logger } from "@boocode/runtime";
import type { ClaimedTurn, Fence } from "@boocode/store";
import type { Leases } from "./attempt/leases.ts";
import { toFrame } from "./outputs/to-frame.ts";

/*
 * The process of an isolated turn, as its worker sees it:
 *
 *   forked ──> took over (the process renews the lease) ──> exited
 *     │
 *     ├──> killed ────────────> the attempt is spent
 *     └──> exited by itself ──> no attempt is spent; the lease expires and the turn is claimed again
 */

/**
 * Runs isolated turns, each in a process of its own. It is unknown which turn killed a worker, so each of that worker's turns
 * makes its last attempt in isolation: if it kills its process again, no other turn is affected (T5).
 */
export interface IsolatedTurns {
  /** Resolves when the turn's process has exited, for whatever reason. A lease that it leaves behind expires. */
  run(turn: ClaimedTurn, claimedAt: number): Promise<void>;
  releaseAll(): void;
}

const ISOLATED = "isolated";
/** The signals that a terminal or a service manager sends to a whole process group. */
const STOP_SIGNALS = new Set<NodeJS.Signals>(["SIGTERM", "SIGINT", "SIGHUP"]);
/** A process that has not taken over its turn by then is killed. */
const START_MS = 60_000;

export interface IsolatedTurnsDeps {
  leases: Leases;
  appender: FrameAppender;
  /** Spends the attempt of a turn whose process was killed before it took over. Otherwise the turn would be retried forever. */
  spend(fence: Fence): Promise<unknown>;
  log: Logger;
}

export function createIsolatedTurns({ leases, appender, spend, log }: IsolatedTurnsDeps): IsolatedTurns {
  const children = new Set<ChildProcess>();

  /** @returns null when the process cannot be started. That spends no attempt, and the lease of the claim expires. */
  function start(turnId: string, attempt: number): ChildProcess | null {
    try {
      return fork(process.argv[1] as string, [ISOLATED, turnId, String(attempt)]);
    } catch (err) {
      log.error({ err, turn_id: turnId }, "the process of an isolated turn could not be started");
      return null;
    }
  }

  return {
    async run(turn, claimedAt) {
      const { id: turnId, attempt } = turn;
      const fence = { turnId, attempt };
      // Runs the same program with the same environment. Its only message on the IPC channel states that it took over the turn.
      const child = start(turnId, attempt);
      if (!child) return;
      children.add(child);
      // On a busy machine a process may start more slowly than a lease expires, so the turn is held here until the take-over.
      const lease = leases.hold(fence, claimedAt);
      appendStart(appender, turn).catch((err: unknown) => log.warn({ err }, "appending turn_started failed"));
      const starting = setTimeout(() => child.kill("SIGKILL"), START_MS);
      let hasTakenOver = false;
      child.once("message", () => {
        hasTakenOver = true;
        clearTimeout(starting);
        lease.drop();
      });
      await new Promise<void>((resolve) => {
        child.once("error", (err) => {
          log.error({ err, turn_id: turnId }, "the process of an isolated turn could not be started");
          resolve();
        });
        child.once("exit", (code, signal) => {
          if (code !== 0) log.warn({ turn_id: turnId, code, signal }, "the process of an isolated turn died");
          resolve();
        });
      });
      children.delete(child);
      if (hasTakenOver) return;
      clearTimeout(starting);
      // A process that exited by itself, for example without a database, spends no attempt: the turn is claimed again later.
      if (child.signalCode !== null && !STOP_SIGNALS.has(child.signalCode) && !lease.signal.aborted)
        await spend(fence).catch((err: unknown) =>
          log.warn({ err, turn_id: turnId }, "spending the attempt of an isolated turn failed"),
        );
      lease.drop();
    },
    releaseAll() {
      for (const child of children) child.kill("SIGTERM");
    },
  };
}

/** Spares subscribers the wait for the process, which appends this frame again; the frame log ignores the duplicate. */
async function appendStart(appender: FrameAppender, turn: ClaimedTurn): Promise<void> {
  const { session_id: sessionId, id: turnId, ordinal, attempt, nonce } = turn;
  const epoch = { ordinal, attempt, nonce };
  const frame = toFrame({ sessionId, turnId, epoch }, 1, { type: "turn_started", ordinal });
  await appender.append(sessionId, epoch, [{ seq: 1, frame }]);
}

/** @returns the turn that this process was started for; null in a worker that claims turns */
export function isolatedFence(argv: readonly string[]): Fence | null {
  const [, , word, turnId, attempt] = argv;
  return word === ISOLATED && turnId ? { turnId, attempt: Number(attempt) } : null;
}
