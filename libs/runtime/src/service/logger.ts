import { type Logger, type LoggerOptions, pino } from "pino";
import { describeError } from "./describe-error.ts";

import { scrubStrings } from "./secrets.ts";

export type { Logger };

/** Asynchronous: a slow reader of the log does not block the process. */
const out = pino.destination(1);
let isGone = false;
out.on("error", () => {
  isGone = true;
});

/** A logger that writes JSON lines to stdout and redacts fields that could hold a secret. */
export function createLogger(service: string, level: string): Logger {
  const options: LoggerOptions = {
    level,
    base: { service, pid: process.pid },
    // Log fields may hold a peer's text. Errors have their own serializer.
    formatters: { log: (facts) => scrubStrings(facts) },
    serializers: { err: (error: unknown) => describeError(error) },
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
      ],
      censor: "[secret]",
    },
  };
  return pino(options, out);
}

/** An upper bound for the flush when the reader is slow but never stalls. */
const END_LOG_MS = 3_000;

/**
 * Flushes the log and closes it; later lines are dropped. Resolves when everything is written, or the reader is gone, or it has
 * taken nothing for `stallMs`. Without this, a process may never exit: sonic-boom 4 flushes at exit and retries for ever when
 * nobody reads.
 */
export async function endLog(stallMs: number): Promise<void> {
  // A closed destination throws on a write.
  out.write = () => true;
  await new Promise<void>((resolve) => {
    let stalled = setTimeout(resolve, stallMs);
    out.on("write", () => {
      clearTimeout(stalled);
      stalled = setTimeout(resolve, stallMs);
    });
    setTimeout(resolve, END_LOG_MS);
    out.once("close", resolve).once("error", resolve);
    if (isGone) resolve();
    else out.end();
  });
  out.flushSync = () => {};
}
