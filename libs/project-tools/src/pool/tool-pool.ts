import { existsSync } from "node:fs";
import type { ToolCall } from "@boocode/contracts";
import type { Judged } from "../citations/judge-citations.ts";
import { failedCall, tooMuch } from "../failed-call.ts";
import type { ToolOutcome } from "../ports.ts";
import type { ProjectFolder } from "../project/open-folder.ts";
import type { SearchLimits } from "../search/search-limits.ts";
import type { CitationWork, ToolSettings, Work, WorkAnswer } from "./messages.ts";
import type { UseLimits } from "./process-use.ts";
import { createSlotLine } from "./slot-line.ts";
import { type Failed, startToolProcess, type ToolLog, type ToolProcess } from "./tool-process.ts";

/**
 * Runs tool calls in processes of their own, so that none blocks, fills or kills the service. Processes are started when calls need
 * them, and ended when they are idle.
 */
export interface ToolPool {
  /**
   * Every failure is an outcome; rejects only when the signal aborts, at once and with its reason.
   * @param onWait called once, when the call has waited for a slot for a moment, with how many calls get one first
   */
  run(call: UserCall, signal: AbortSignal, onWait?: (ahead: number) => void): Promise<ToolOutcome>;
  /**
   * Judges an answer's citations; null when that failed. Rejects only when the signal aborts, at once and with its reason.
   */
  judge(work: CitationWork, who: ForUser, signal: AbortSignal): Promise<Judged[] | null>;
  stop(): Promise<void>;
}

interface ForUser {
  /** Whose work it is: slots are shared fairly among users. */
  user: string;
  project: ProjectFolder;
}

interface UserCall extends ForUser {
  call: ToolCall;
}

export interface ToolPoolDeps {
  /** Limit of processes, and so of calls that run at once. */
  size: number;
  program: string;
  settings: Omit<ToolSettings, "search" | "watchItself">;
  /** Of each process of ripgrep. */
  search: Promise<SearchLimits>;
  /** Of one call. */
  use: UseLimits;
  /** The longest wait for a slot, which does not count against the call's time limit. */
  waitMs: number;
  idleMs?: number;
  log: ToolLog;
}

const IDLE_MS = 60_000;
/** Starting a process takes about 100 ms of CPU; most calls take less than this, and then a running process is free again. */
const PATIENCE_MS = 15;

export function createToolPool(deps: ToolPoolDeps): ToolPool {
  const slots = createSlotLine(deps.size);
  const watchItself = existsSync("/proc/self/stat") ? null : deps.use;
  const all = new Set<ToolProcess>();
  /** With the timers that end them; the last one was used last. */
  const idle = new Map<ToolProcess, NodeJS.Timeout>();
  /** Calls that have a slot and wait for a process; null: none could be started. */
  const hungry: ((process: ToolProcess | null) => void)[] = [];

  /** How many processes are being started. */
  let starting = 0;

  async function start(): Promise<void> {
    starting += 1;
    try {
      const settings = { ...deps.settings, search: await deps.search, watchItself };
      const started = startToolProcess({ ...deps, settings });
      all.add(started);
      void started.exited.then(() => {
        all.delete(started);
        clearTimeout(idle.get(started));
        idle.delete(started);
      });
      await started.ready;
      offer(started);
    } catch (err) {
      deps.log.error({ err }, "a tool process could not be started");
      hungry.shift()?.(null);
    } finally {
      starting -= 1;
    }
  }

  /** Gives a process to the call that has waited longest, or keeps it for a while. */
  function offer(process: ToolProcess): void {
    if (!process.isFit()) {
      process.kill();
      return;
    }
    const next = hungry.shift();
    if (next) {
      next(process);
      return;
    }
    const timer = setTimeout(() => {
      idle.delete(process);
      process.kill();
    }, deps.idleMs ?? IDLE_MS);
    idle.set(process, timer.unref());
  }

  /**
   * While calls run, one more process than they need is kept: the last idle one goes only to users without another call, who need
   * not wait for one to start while the calls of others take the CPU.
   * @returns null when no process can be started, or when the signal has aborted
   */
  async function processFor(
    project: ProjectFolder,
    isUsersOnly: boolean,
    signal: AbortSignal,
  ): Promise<ToolProcess | null> {
    const fit = [...idle.keys()].filter((process) => process.isFit());
    const isRoom = all.size + Math.max(0, hungry.length - starting) < deps.size;
    if (fit.length > 1 || isUsersOnly || !isRoom) {
      const found = fit.findLast((process) => process.knows(project)) ?? fit.at(-1);
      if (found) {
        clearTimeout(idle.get(found));
        idle.delete(found);
        if (fit.length === 1 && isRoom && starting === 0) void start();
        return found;
      }
    }
    return await new Promise((resolve) => {
      const timer = setTimeout(() => void start(), all.size === 0 ? 0 : PATIENCE_MS);
      const give = (process: ToolProcess | null) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        resolve(process);
      };
      const abort = () => {
        hungry.splice(hungry.indexOf(give), 1);
        give(null);
      };
      signal.addEventListener("abort", abort);
      hungry.push(give);
    });
  }

  async function run(
    work: Work,
    { user, project }: ForUser,
    signal: AbortSignal,
    onWait?: (ahead: number) => void,
  ): Promise<WorkAnswer | Failed> {
    const giveBack = await slots.enter(user, deps.waitMs, signal, onWait);
    if (giveBack === null) return { failed: tooMuch.waited(deps.waitMs) };
    const process = await processFor(project, slots.held(user) === 1, signal);
    if (process === null) {
      giveBack();
      signal.throwIfAborted();
      return { failed: tooMuch.notStarted() };
    }
    try {
      return await process.run(project, work, signal);
    } finally {
      if (process.isFit()) {
        giveBack();
        offer(process);
      } else {
        // A killed process that hangs in the kernel keeps its slot, but no caller waits for it.
        process.kill();
        void process.exited.then(giveBack);
      }
    }
  }

  return {
    async run({ call, ...who }, signal, onWait) {
      const answer = await run({ call }, who, signal, onWait);
      if ("outcome" in answer) return answer.outcome;
      return failedCall(call, "failed" in answer ? answer.failed : tooMuch.died());
    },
    async judge(citations, who, signal) {
      const answer = await run({ citations }, who, signal);
      return "judged" in answer ? answer.judged : null;
    },
    async stop() {
      for (const process of all) process.kill();
      await Promise.all([...all].map(({ exited }) => exited));
    },
  };
}
