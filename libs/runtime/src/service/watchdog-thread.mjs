// The thread of the watchdog; see watchdog.ts. Plain JavaScript, because a thread does not inherit the
// loader with which `npm start` and the tests run the sources.
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

/** @type {{ beats: Int32Array, tickMs: number, limitMs: number, fields: object }} */
const { beats, tickMs, limitMs, fields } = workerData;

let seen = Atomics.load(beats, 0);
let blockedMs = 0;
while (blockedMs < limitMs) {
  const from = performance.now();
  Atomics.wait(beats, 0, seen, tickMs);
  const beat = Atomics.load(beats, 0);
  // Only time in which this thread runs counts: a process that was stopped (SIGSTOP, `docker pause`) or a machine that slept is
  // not blocked.
  blockedMs = beat === seen ? blockedMs + Math.min(performance.now() - from, 2 * tickMs) : 0;
  seen = beat;
}

const msg = `the event loop has been blocked for ${Math.round(blockedMs)} ms; the process ends with SIGKILL`;
const line = `${JSON.stringify({ level: 60, time: Date.now(), ...fields, blocked_ms: Math.round(blockedMs), msg })}\n`;
// The logger belongs to the thread that is blocked. Standard output may be full or gone; then standard error gets the line.
for (const fd of [1, 2]) {
  try {
    writeSync(fd, line);
    break;
  } catch {}
}
process.kill(process.pid, "SIGKILL");
