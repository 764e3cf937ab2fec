import { type Logger, pino } from "pino";

export type { Logger };

/** A logger that writes JSON lines to stdout, without anything that could be a secret. */
export function createLogger(service: string, level: string): Logger {
  return pino({
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
  });
}
