import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { tooMuch } from "../failed-call.ts";
import type { ProjectFolder } from "../project/open-folder.ts";
import {
  EXIT_CODES,
  type FromToolProcess,
  MOST_OPEN,
  TEMPORARY,
  type ToolSettings,
  type ToToolProcess,
  type Work,
  type WorkAnswer,
} from "./messages.ts";
import FLAGS from "./process-flags.json" with { type: "json" };
import { exceeded, type ProcessUse, readProcessUse, type UseLimits } from "./process-use.ts";

/** How often a call's use is read; a process that allocates in a loop gets some 100 MB meanwhile. */
const WATCH_MS = 50;
/** A tool that keeps its time limit says so itself; one that is blocked is killed this much later. */
const BLOCKED_MS = 1_000;
const START_MS = 20_000;
/** A heap that is full ends the process with SIGABRT. */
const HEAP_IS_FULL = 134;

export interface ToolProcessDeps {
  /** The bundle of `host/main.ts`. */
  program: string;
  settings: ToolSettings;
  use: UseLimits;
  /** The nice value of the process and its ripgrep. */
  nice: number;
  log: ToolLog;
}

export interface ToolLog {
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Why work was not done. */
export interface Failed {
  /** Worded for the model. */
  failed: string;
  /** Whether it took more than it may. Otherwise the same work may succeed later. */
  isTooMuch: boolean;
}

/** A process that does one piece of work at a time. */
export interface ToolProcess {
  /** Resolves when it takes calls. Rejects when it cannot be started. */
  ready: Promise<void>;
  /** Resolves when it has exited, for whatever reason, and nothing of it is left. */
  exited: Promise<void>;
  /** Whether it can run another call: it lives, and its memory is small enough. */
  isFit(): boolean;
  /** Whether it has the project open. */
  knows(project: ProjectFolder): boolean;
  /** Every failure is an answer. Rejects only when the signal aborts, with its reason; the process is then killed. */
  run(project: ProjectFolder, work: Work, signal: AbortSignal): Promise<WorkAnswer | Failed>;
  kill(): void;
}

export function startToolProcess({ program, settings, use, nice, log }: ToolProcessDeps): ToolProcess {
  // Of its own, so that what a killed process leaves is removed.
  const folder = mkdtempSync(join(tmpdir(), TEMPORARY));
  const child = fork(program, [], {
    // Small heaps, of which a call that lists many files fills three otherwise. V8 accepts a code cache only under the flags with which
    // it was made: these, so that another limit costs the cache.
    execArgv: [...FLAGS, `--max-old-space-size=${use.memoryMb}`],
    // No secret of the service.
    env: { TMPDIR: folder },
    // A process group, with which its ripgrep is killed.
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const { pid } = child;
  yieldToOthers(pid, nice);
  const send = (message: ToToolProcess) => void child.send(message, () => {});
  /** Has ended, or will: it runs no other call. */
  let isEnding = false;
  let lastBytes = 0;
  /** The projects of its last calls. */
  let known: string[] = [];
  /** The name of the work that runs, for the log. */
  let current = "";
  /** Ends the work that runs. */
  let finish: ((answer: WorkAnswer | Failed | "died") => void) | null = null;

  function kill(): void {
    isEnding = true;
    killGroup(child);
  }

  const exited = new Promise<void>((resolve) => {
    const clean = () => {
      isEnding = true;
      killGroup(child);
      finish?.("died");
      void rm(folder, { recursive: true, force: true })
        .catch((err: unknown) => log.warn({ err }, "removing a tool's temporary folder failed"))
        .then(() => resolve());
    };
    child.once("exit", clean);
    child.once("error", (err) => {
      log.error({ err }, "a tool process failed");
      if (pid === undefined) clean();
    });
  });

  const ready = new Promise<void>((resolve, reject) => {
    const late = setTimeout(kill, START_MS);
    child.once("message", () => {
      clearTimeout(late);
      resolve();
    });
    void exited.then(() => {
      clearTimeout(late);
      reject(new Error("a tool process ended before it was ready"));
    });
  });
  send({ settings });

  child.on("message", (message: FromToolProcess) => {
    if (message === "ready") return;
    const { defect, ...answer } = message;
    if (defect !== null) log.error({ err: defect, tool: current }, "a tool failed on an unexpected error");
    finish?.(answer);
  });

  return {
    ready,
    exited,
    isFit: () => !isEnding && lastBytes < (use.memoryMb * 2 ** 20) / 2,
    knows: ({ key }) => known.includes(key),
    kill,
    async run(project, work, signal) {
      signal.throwIfAborted();
      current = nameOf(work);
      known = [project.key, ...known.filter((key) => key !== project.key)].slice(0, MOST_OPEN);
      let before: ProcessUse | null = null;
      const stop = (reason: string) => {
        kill();
        log.warn({ tool: current, reason }, "a tool call was stopped");
        finish?.({ failed: reason, isTooMuch: true });
      };

      function describeDeath(): Failed {
        const { exitCode, signalCode } = child;
        if (exitCode === EXIT_CODES.cpu) return { failed: tooMuch.cpu(use.cpuMs), isTooMuch: true };
        const isFull = exitCode === EXIT_CODES.memory || exitCode === HEAP_IS_FULL || signalCode === "SIGABRT";
        if (isFull) return { failed: tooMuch.memory(use.memoryMb), isTooMuch: true };
        log.warn({ tool: current, code: exitCode, signal: signalCode }, "a tool's process died");
        return { failed: tooMuch.died(), isTooMuch: false };
      }

      function watch(): void {
        const now = pid === undefined ? null : readProcessUse(pid);
        if (now === null) return;
        before ??= now;
        lastBytes = now.bytes;
        const found = exceeded(use, before, now);
        if (found === "memory") stop(tooMuch.memory(use.memoryMb));
        else if (found === "cpu") stop(tooMuch.cpu(use.cpuMs));
      }

      const { timeoutMs } = settings.limits;
      const watching = setInterval(watch, WATCH_MS);
      const late = setTimeout(() => stop(tooMuch.time(timeoutMs)), timeoutMs + BLOCKED_MS);
      let abort = () => {};
      try {
        return await new Promise<WorkAnswer | Failed>((resolve, reject) => {
          finish = (answer) => resolve(answer === "died" ? describeDeath() : answer);
          abort = () => {
            kill();
            reject(signal.reason);
          };
          signal.addEventListener("abort", abort);
          if (isEnding) finish("died");
          else send({ project, ...work });
        });
      } finally {
        clearInterval(watching);
        clearTimeout(late);
        signal.removeEventListener("abort", abort);
        finish = null;
      }
    },
  };
}

/** For the log. */
function nameOf(work: Work): string {
  if ("call" in work) return work.call.name;
  return "citations" in work ? "citations" : `reading a ${work.read.kind}`;
}

function yieldToOthers(pid: number | undefined, nice: number): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, nice);
  } catch {
    // It has exited already, or the system does not permit it.
  }
  lowerGroup(pid, nice, MOST_TRIES);
}

/** Linux refuses more than one change in 100 ms. */
const [TRY_AGAIN_MS, MOST_TRIES] = [150, 10];

/**
 * A process group of its own is also a session, and outside containers Linux divides the CPU among sessions, whatever the nice values of
 * their processes: sched(7), "The autogroup feature".
 */
function lowerGroup(pid: number, nice: number, tries: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(nice));
  } catch (error) {
    // Otherwise the system has no such groups, or the process has exited.
    const isRefused = (error as NodeJS.ErrnoException).code === "EAGAIN" && tries > 1;
    if (isRefused) setTimeout(lowerGroup, TRY_AGAIN_MS, pid, nice, tries - 1).unref();
  }
}

/** Kills a process and those that it started, also when it has died before them. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // All have ended.
  }
}
