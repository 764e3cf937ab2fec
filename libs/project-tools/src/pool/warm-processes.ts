import type { ProjectFolder } from "../project/open-folder.ts";
import type { ToolLog, ToolProcess } from "./tool-process.ts";

/** Started processes of one kind, which run one call after the other. */
export interface WarmProcesses {
  /** @returns null when no process can be started, or when the signal has aborted */
  take(project: ProjectFolder, signal: AbortSignal): Promise<ToolProcess | null>;
  /** Gives a process to the call that has waited longest, or keeps it for a while. */
  offer(process: ToolProcess): void;
  /** Starts one if none is idle and there is room, so that the next call need not wait for one to start. */
  keepSpare(): void;
  /** Ends the process that has been idle longest, if one is idle. */
  endIdle(): void;
  /** How many there are, with those that are being started. */
  count(): number;
  stop(): Promise<void>;
}

export interface WarmProcessesDeps {
  start(): Promise<ToolProcess>;
  /** Whether there is room for one more process. */
  hasRoom(): boolean;
  /** Called before a call's process is started although there is no room. */
  makeRoom(): void;
  idleMs: number;
  log: ToolLog;
}

/** Starting a process takes about 100 ms of CPU; most calls take less than this, and then a running process is free again. */
const PATIENCE_MS = 15;

export function createWarmProcesses(deps: WarmProcessesDeps): WarmProcesses {
  const all = new Set<ToolProcess>();
  /** With the timers that end them; the last one was used last. */
  const idle = new Map<ToolProcess, NodeJS.Timeout>();
  /** Calls that wait for a process; null: none could be started. */
  const hungry: ((process: ToolProcess | null) => void)[] = [];
  /** How many are being started and are not in `all` yet, and how many are not ready. */
  let [coming, starting] = [0, 0];
  let isStopped = false;

  async function start(): Promise<void> {
    coming += 1;
    starting += 1;
    try {
      const started = await deps.start().finally(() => {
        coming -= 1;
      });
      all.add(started);
      if (isStopped) started.kill();
      void started.exited.then(() => {
        all.delete(started);
        clearTimeout(idle.get(started));
        idle.delete(started);
      });
      await started.ready;
      offer(started);
    } catch (err) {
      if (!isStopped) deps.log.error({ err }, "a tool process could not be started");
      hungry.shift()?.(null);
    } finally {
      starting -= 1;
    }
  }

  function startForCall(): void {
    if (starting >= hungry.length) return;
    if (!deps.hasRoom()) deps.makeRoom();
    void start();
  }

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
    const timer = setTimeout(() => end(process), deps.idleMs);
    idle.set(process, timer.unref());
  }

  function end(process: ToolProcess): void {
    clearTimeout(idle.get(process));
    idle.delete(process);
    process.kill();
  }

  function takeIdle(project: ProjectFolder): ToolProcess | null {
    const fit = [...idle.keys()].filter((process) => process.isFit());
    const found = fit.findLast((process) => process.knows(project)) ?? fit.at(-1) ?? null;
    if (found) {
      clearTimeout(idle.get(found));
      idle.delete(found);
    }
    return found;
  }

  return {
    async take(project, signal) {
      const found = takeIdle(project);
      if (found) return found;
      return await new Promise((resolve) => {
        const timer = setTimeout(startForCall, all.size === 0 ? 0 : PATIENCE_MS);
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
    },
    offer,
    keepSpare() {
      if (idle.size === 0 && starting === 0 && deps.hasRoom()) void start();
    },
    endIdle() {
      const [oldest] = idle.keys();
      if (oldest) end(oldest);
    },
    count: () => all.size + coming,
    async stop() {
      isStopped = true;
      for (const process of all) process.kill();
      await Promise.all([...all].map(({ exited }) => exited));
    },
  };
}
