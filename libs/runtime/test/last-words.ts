import { createLogger, runService } from "@boocode/runtime";

// A service whose last release logs more than a pipe holds, in the very moment in which the process ends.
runService(() => {
  const log = createLogger("last-words", "warn");
  return {
    log,
    graceMs: 5_000,
    async start({ onRelease }) {
      onRelease("last words", () => {
        for (let line = 0; line < 100; line += 1) log.warn({ line, text: "x".repeat(10_000) }, "the last words");
      });
      process.stderr.write("ready\n");
      setInterval(() => {}, 1_000);
    },
  };
});
