import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { commonEnv, duration, runService } from "@boocode/runtime";
import { z } from "zod";

const { LOG_LEVEL, FAULT_POINTS, WATCHDOG_MS } = commonEnv;

// A service that blocks its event loop for as many milliseconds of CPU time as a line of its input says. It repeats the line
// before and after.
runService({
  name: "blockable",
  config: z.object({ LOG_LEVEL, FAULT_POINTS, WATCHDOG_MS, SHUTDOWN_GRACE_MS: duration().default(5_000) }),
  openFiles: () => 1_024,
  logFields: () => ({ worker_id: "w1" }),
  async start() {
    createInterface({ input: process.stdin }).on("line", (line) => {
      writeSync(2, `${line}\n`);
      const usedMs = () => Object.values(process.cpuUsage(before)).reduce((sum, us) => sum + us / 1_000, 0);
      const before = process.cpuUsage();
      while (usedMs() < Number(line));
      process.stderr.write(`${line}\n`);
    });
    process.stderr.write("ready\n");
  },
});
