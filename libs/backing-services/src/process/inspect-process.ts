import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** A live process as the operating system reports it. `startedAt` is opaque; together with the pid it is unique. */
export interface ProcessInfo {
  pid: number;
  parent: number;
  /** Stopped by SIGSTOP, until SIGCONT or SIGKILL. */
  isStopped: boolean;
  startedAt: string;
  command: string;
}

/** Looks a process up; undefined when it is gone. A zombie counts as gone: in a container nobody may ever reap it. */
export function inspectProcess(pid: number): ProcessInfo | undefined {
  if (process.platform === "linux") return fromProc(pid);
  if (process.platform === "win32") return fromSignal(pid);
  return fromPs(["-p", String(pid)])[0];
}

/** The direct children of a process. */
export function childrenOf(pid: number): number[] {
  if (process.platform === "win32") return [];
  const all =
    process.platform === "linux"
      ? readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (fromProc(Number(name)) ?? []) : []))
      : fromPs(["-A"]);
  return all.filter((info) => info.parent === pid).map((info) => info.pid);
}

/** On Linux, reads /proc, because slim images have no `ps`. proc(5) numbers the fields. */
function fromProc(pid: number): ProcessInfo | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  const end = stat.lastIndexOf(")");
  const [state, parent, ...rest] = stat.slice(end + 2).split(" ");
  if (state === "Z" || state === "X") return undefined;
  return {
    pid,
    parent: Number(parent),
    isStopped: state === "T",
    startedAt: rest[17]!,
    command: stat.slice(stat.indexOf("(") + 1, end),
  };
}

function fromPs(selection: string[]): ProcessInfo[] {
  let table: string;
  try {
    table = execFileSync("ps", [...selection, "-o", "pid=,ppid=,stat=,lstart=,comm="], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return [];
  }
  return table.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+((?:\S+\s+){4}\S+)\s+(.*)$/.exec(line);
    if (!match || match[3]!.startsWith("Z")) return [];
    return [
      {
        pid: Number(match[1]),
        parent: Number(match[2]),
        isStopped: match[3]!.startsWith("T"),
        startedAt: match[4]!,
        command: match[5]!,
      },
    ];
  });
}

function fromSignal(pid: number): ProcessInfo | undefined {
  try {
    process.kill(pid, 0);
    return { pid, parent: 0, isStopped: false, startedAt: "", command: "" };
  } catch {
    return undefined;
  }
}
