import { existsSync } from "node:fs";
import type { ToolCall } from "@boocode/contracts";
import type { Judged } from "../citations/judge-citations.ts";
import { failedCall, tooMuch } from "../failed-call.ts";
import type { ToolOutcome } from "../ports.ts";
import type { ProjectFolder } from "../project/open-folder.ts";
import type { ReadAnswer, ReadWork } from "../reading/read-work.ts";
import type { SearchLimits } from "../search/search-limits.ts";
import type { CitationWork, ToolSettings, Work, WorkAnswer } from "./messages.ts";
import type { UseLimits } from "./process-use.ts";
import { createSlotLine } from "./slot-line.ts";
import { type Failed, startToolProcess, type ToolLog } from "./tool-process.ts";
import { createWarmProcesses, type WarmProcesses } from "./warm-processes.ts";

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
  /**
   * Reads data of a project. What cannot be read, for whatever reason, is an answer. Rejects only when the signal aborts, at once and
   * with its reason.
   */
  read<W extends ReadWork>(work: W, who: ForUser, signal: AbortSignal): Promise<ReadAnswer<W>>;
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
  /** Limit of calls that run at once. */
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
/**
 * Streams and commits go before tools, and the call of a user who makes one at a time before those of users who make several: of a busy
 * CPU it gets seven times as much. A process without rights cannot lower its value again, so each kind has processes of its own.
 */
const NICE = { single: 3, parallel: 12 };

export function createToolPool(deps: ToolPoolDeps): ToolPool {
  // More calls of one user than this only take the CPU and the memory from those of others.
  const slots = createSlotLine(deps.size, Math.ceil(deps.size / 2));
  const watchItself = existsSync("/proc/self/stat") ? null : deps.use;
  const count = () => single.count() + parallel.count();

  function processesOf(nice: number, other: () => WarmProcesses): WarmProcesses {
    return createWarmProcesses({
      ...{ log: deps.log, idleMs: deps.idleMs ?? IDLE_MS },
      hasRoom: () => count() < deps.size,
      makeRoom: () => other().endIdle(),
      async start() {
        const settings = { ...deps.settings, search: await deps.search, watchItself };
        return startToolProcess({ ...deps, settings, nice });
      },
    });
  }
  const single: WarmProcesses = processesOf(NICE.single, () => parallel);
  const parallel: WarmProcesses = processesOf(NICE.parallel, () => single);

  async function run(
    work: Work,
    { user, project }: ForUser,
    signal: AbortSignal,
    onWait?: (ahead: number) => void,
  ): Promise<WorkAnswer | Failed> {
    const giveBack = await slots.enter(user, deps.waitMs, signal, onWait);
    if (giveBack === null) return { failed: tooMuch.waited(deps.waitMs), isTooMuch: false };
    const processes = slots.countOf(user) === 1 ? single : parallel;
    const process = await processes.take(project, signal);
    single.keepSpare();
    if (process === null) {
      giveBack();
      signal.throwIfAborted();
      return { failed: tooMuch.notStarted(), isTooMuch: false };
    }
    try {
      return await process.run(project, work, signal);
    } finally {
      if (process.isFit()) {
        giveBack();
        processes.offer(process);
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
    async read<W extends ReadWork>(read: W, who: ForUser, signal: AbortSignal) {
      const answer = await run({ read }, who, signal);
      // What is read is of the kind that was asked for.
      if ("read" in answer) return answer.read as ReadAnswer<W>;
      return { refused: "failed" in answer && answer.isTooMuch ? ("too_much" as const) : ("busy" as const) };
    },
    async stop() {
      await Promise.all([single.stop(), parallel.stop()]);
    },
  };
}
