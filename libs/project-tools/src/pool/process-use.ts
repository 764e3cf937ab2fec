import { readFileSync } from "node:fs";

/** What a process uses: memory now, and CPU time since its start, with that of the child processes that have ended. */
export interface ProcessUse {
  bytes: number;
  cpuMs: number;
}

/** What one call may use. */
export interface UseLimits {
  memoryMb: number;
  cpuMs: number;
}

/** USER_HZ, in which the kernel states times to programs, is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/**
 * Asks the kernel, so that a process that is blocked cannot hide. Linux only.
 * @returns null without /proc, and for a process that has exited
 */
export function readProcessUse(pid: number): ProcessUse | null {
  try {
    // The name, in parentheses, may contain anything. utime, stime, cutime and cstime are fields 14 to 17: proc_pid_stat(5).
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0;
    return { bytes: Number(kilobytes) * 1024, cpuMs: ticks * TICK_MS };
  } catch {
    return null;
  }
}

/** Which limit is exceeded by what a call has used since `before`; null when none is. */
export function exceeded(limits: UseLimits, before: ProcessUse, now: ProcessUse): "memory" | "cpu" | null {
  if (now.bytes > limits.memoryMb * 2 ** 20) return "memory";
  return now.cpuMs - before.cpuMs > limits.cpuMs ? "cpu" : null;
}
