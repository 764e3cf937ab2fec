import { readdirSync, readFileSync } from "node:fs";

/** What a process takes; what several share, such as node's program, is divided among them. Linux only. */
export function bytesOf(pid: number): number {
  return read(pid)?.bytes ?? 0;
}

/** What all descendants of a process take together. */
export function bytesBelow(pid: number): number {
  const all = new Map<number, { parent: number; bytes: number }>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const facts = read(Number(name));
    if (facts) all.set(Number(name), facts);
  }
  const isBelow = (other: number): boolean => other === pid || (other > 1 && isBelow(all.get(other)?.parent ?? 0));
  return [...all].reduce((sum, [other, { bytes }]) => sum + (other !== pid && isBelow(other) ? bytes : 0), 0);
}

function read(pid: number): { parent: number; bytes: number } | null {
  try {
    const facts = ["status", "smaps_rollup"].map((file) => readFileSync(`/proc/${pid}/${file}`, "latin1")).join("\n");
    const field = (key: string) => Number(new RegExp(`^${key}:\\s*(\\d+)`, "m").exec(facts)?.[1] ?? 0);
    return { parent: field("PPid"), bytes: field("Pss") * 1024 };
  } catch {
    // It has exited.
    return null;
  }
}
