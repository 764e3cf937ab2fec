import { readFileSync } from "node:fs";
import type { Logger } from "./logger.ts";

/** The soft limit in /proc/self/limits. Node raises it to the hard limit when it starts. @returns null: unknown */
export function readOpenFilesLimit(limits: string): number | null {
  const [, soft] = /^Max open files +(\S+)/m.exec(limits) ?? [];
  if (soft === "unlimited") return Number.POSITIVE_INFINITY;
  return soft !== undefined && /^\d+$/.test(soft) ? Number(soft) : null;
}

/** Logs a warning when the limit of open files is too low for the settings. A socket counts as a file. */
export function checkOpenFiles(needed: number, log: Logger): void {
  const limit = readOpenFilesLimit(readLimits());
  if (limit === null || limit >= needed) return;
  log.warn(
    { limit, needed },
    "the limit of open files is lower than these settings need; raise it (`ulimit -n`, `ulimits.nofile` in compose)",
  );
}

/** Empty where there is no /proc, as on macOS. */
function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}
