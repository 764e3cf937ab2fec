import { commonEnv, duration, runService } from "@boocode/runtime";
import { z } from "zod";

const { LOG_LEVEL, FAULT_POINTS, WATCHDOG_MS } = commonEnv;

// A service whose last release logs more than a pipe holds, just before the process exits.
runService({
  name: "last-words",
  config: z.object({ LOG_LEVEL, FAULT_POINTS, WATCHDOG_MS, SHUTDOWN_GRACE_MS: duration().default(5_000) }),
  openFiles: () => 1_024,
  async start({ log, onRelease }) {
    onRelease("last words", () => {
      for (let line = 0; line < 100; line += 1) log.warn({ line, text: "x".repeat(10_000) }, "the last words");
    });
    process.stderr.write("ready\n");
    setInterval(() => {}, 1_000);
  },
});
