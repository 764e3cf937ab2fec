import { Worker } from "node:worker_threads";
import type { Logger } from "./logger.ts";

/** How often the event loop increments the counter within the limit. */
const TICKS = 30;

/**
 * Ends the process with SIGKILL when its event loop has been blocked for `limitMs`, after a log line of level `fatal`. Such a
 * process serves nobody but keeps its connections, and Compose does not restart a container that is only unhealthy. The thread
 * watches only the event loop, so an outage of the database does not trigger it. SIGKILL, because no handler would run.
 * @param fields of the log line
 */
export function startWatchdog(limitMs: number, log: Logger, fields: Record<string, unknown>): void {
  if (limitMs === 0) return;
  if (process.pid === 1) {
    // The kernel ignores a signal that process 1 of a container sends to itself, SIGKILL included.
    log.warn("the watchdog is off: this is process 1, which cannot end itself; run it under an init (`init: true`)");
    return;
  }
  const tickMs = limitMs / TICKS;
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  setInterval(() => Atomics.add(beats, 0, 1), tickMs).unref();
  const thread = new Worker(new URL("watchdog-thread.mjs", import.meta.url), {
    workerData: { beats, tickMs, limitMs, fields: { ...fields, pid: process.pid } },
    execArgv: [],
    // The thread needs little memory; the rest is left to the service.
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
  });
  thread.on("error", (err) => log.error({ err }, "the watchdog has stopped"));
  thread.unref();
}
