import { setTimeout as sleep } from "node:timers/promises";
import { childrenOf, inspectProcess } from "./inspect-process.ts";

/** Waits until a process is gone; false when it is still there after `withinMs`. */
export async function waitUntilGone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (inspectProcess(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

/**
 * Sends one signal to a process and its children. The parent gets it first, so that it does not mistake a child's death for a
 * crash and start a recovery. For SIGKILL, it resolves when all of them are gone.
 */
export async function signalTree(pid: number, signal: NodeJS.Signals): Promise<void> {
  // A stopped parent forks no child that the list below would miss. A Postgres child that outlives the others may wait for
  // ever for a lock that they held, and keep the shared memory attached, so that the next server cannot start.
  if (signal === "SIGKILL" || signal === "SIGSTOP") await stopOne(pid);
  const pids = [pid, ...childrenOf(pid)];
  for (const each of pids) signalOne(each, signal);
  if (signal === "SIGKILL") await Promise.all(pids.map((each) => waitUntilGone(each, 10_000)));
}

/** Sends the signal, and SIGCONT in case the server is stopped. After `graceMs`, kills its process tree. */
export async function endProcess(pid: number, signal: NodeJS.Signals, graceMs = 10_000): Promise<void> {
  signalOne(pid, signal);
  for (const each of [pid, ...childrenOf(pid)]) signalOne(each, "SIGCONT");
  if (!(await waitUntilGone(pid, graceMs))) await signalTree(pid, "SIGKILL");
}

/** Stops a process, so that it forks no more children. Resolves when it is stopped, after a second at the latest. */
async function stopOne(pid: number): Promise<void> {
  signalOne(pid, "SIGSTOP");
  const deadline = Date.now() + 1_000;
  while (inspectProcess(pid)?.isStopped === false && Date.now() < deadline) await sleep(1);
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // ESRCH: the process is gone already. Windows has neither SIGCONT nor SIGSTOP.
    if ((error as NodeJS.ErrnoException).code === "EPERM") throw error;
  }
}
