import { readdirSync, readFileSync } from "node:fs";

/** User and system time with that of ended children, and resident memory, of processes and their descendants. */
export interface Usage {
  cpuS: number;
  rssMb: number;
}

const HERTZ = 100;
const PAGE = 4_096;

/** Reads /proc. @throws where there is none */
export function usageOf(roots: number[]): Usage {
  const stats = new Map<number, string[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      stats.set(Number(name), stat.slice(stat.lastIndexOf(")") + 2).split(" "));
    } catch {
      // It has ended.
    }
  }
  const counted = new Set(roots);
  // A descendant may be listed before its parent.
  for (let before = 0; before !== counted.size; ) {
    before = counted.size;
    for (const [pid, [, parent]] of stats) if (counted.has(Number(parent))) counted.add(pid);
  }
  const usage = { cpuS: 0, rssMb: 0 };
  for (const pid of counted) {
    const fields = stats.get(pid)?.map(Number);
    if (!fields) continue;
    usage.cpuS += fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / HERTZ;
    usage.rssMb += ((fields[21] as number) * PAGE) / 2 ** 20;
  }
  return usage;
}

/** What all processes of the machine have used, and what the hypervisor kept from it. */
export function machineTime(): { busyS: number; stealS: number } {
  const [line = ""] = readFileSync("/proc/stat", "latin1").split("\n");
  const ticks = line.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks;
  return { busyS: (user + nice + system + irq + softirq) / HERTZ, stealS: steal / HERTZ };
}
