import { Worker } from "node:worker_threads";
import type { Logger } from "./logger.ts";

/** The event loop shows this many times within the limit that it turns. */
const TICKS = 30;

/**
 * Ends the process with SIGKILL when its event loop has been blocked for `limitMs`, after a log line of level `fatal`. Such a
 * process answers nobody and holds its place, and Compose does not restart a container only because it is unhealthy. The thread
 * looks at nothing but the event loop, so an absent database is no reason. SIGKILL, because nothing else in the process runs.
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
    // Its memory is small and known; the rest is for the service.
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
  });
  thread.on("error", (err) => log.error({ err }, "the watchdog has stopped"));
  thread.unref();
}
