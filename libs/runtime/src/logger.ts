import { type Logger, type LoggerOptions, pino } from "pino";

export type { Logger };

/** Lines go out while the process works on: a reader who is slow holds nobody up. */
const out = pino.destination(1);
let isGone = false;
out.on("error", () => {
  isGone = true;
});

/** A logger that writes JSON lines to stdout, without anything that could be a secret. */
export function createLogger(service: string, level: string): Logger {
  const options: LoggerOptions = {
    level,
    base: { service, pid: process.pid },
    redact: {
      paths: [
        "authorization",
        "token",
        "ticket",
        "*.authorization",
        "*.token",
        "*.ticket",
        "req.headers.authorization",
        "req.headers.cookie",
        "err.query",
        "err.parameters",
        "err.args",
      ],
      censor: "[secret]",
    },
  };
  return pino(options, out);
}

/**
 * Resolves when all that was logged is out, its reader is gone, or `ms` have passed; after it nothing is logged. Without it a
 * process may never end: sonic-boom 4 writes what is left at the exit, and tries again for ever where nobody reads.
 */
export async function endLog(ms: number): Promise<void> {
  // What is logged from here on would be an error of its own: the destination takes nothing after its end.
  out.write = () => true;
  await new Promise<void>((resolve) => {
    out.once("close", resolve).once("error", resolve);
    setTimeout(resolve, ms);
    if (isGone) resolve();
    else out.end();
  });
  out.flushSync = () => {};
}
