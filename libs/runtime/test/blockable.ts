import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { commonEnv, duration, runService } from "@boocode/runtime";
import { z } from "zod";

const { LOG_LEVEL, FAULT_POINTS, WATCHDOG_MS } = commonEnv;

/** A longer gap between two readings of the clock means that the process was stopped. */
const GAP_MS = 100;

// A service that blocks its event loop for the number of milliseconds in a line of its input, not counting those in which the
// process is stopped. It prints the line before and after.
runService({
  name: "blockable",
  config: z.object({ LOG_LEVEL, FAULT_POINTS, WATCHDOG_MS, SHUTDOWN_GRACE_MS: duration().default(5_000) }),
  openFiles: () => 1_024,
  logFields: () => ({ worker_id: "w1" }),
  async start() {
    createInterface({ input: process.stdin }).on("line", (line) => {
      writeSync(2, `${line}\n`);
      let blockedMs = 0;
      for (let last = performance.now(); blockedMs < Number(line); ) {
        const now = performance.now();
        blockedMs += Math.min(now - last, GAP_MS);
        last = now;
      }
      process.stderr.write(`${line}\n`);
    });
    process.stderr.write("ready\n");
  },
});
