import { randomBytes } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspectProcess } from "../process/inspect-process.ts";

/** The data folder is locked by another live process. */
export class FolderInUseError extends Error {
  /** The pid of the process that holds the lock. */
  readonly holder: number;
  constructor(lock: string, holder: number) {
    super(`process ${holder} is using this data already (${lock}); stop it first, or use another data folder`);
    this.holder = holder;
  }
}

/** Two processes that lock at the same moment both back off and retry; a real holder is still there afterwards. */
const backOffMs = 1000;

/**
 * Takes a lock that is valid only while its process lives. Returns the function that releases it.
 *
 * Each process first creates a claim, an empty file whose name identifies the process, and only then looks for others. Of two
 * processes, at least one therefore sees the other, so they never both proceed. Anyone may remove a dead claim, because its
 * name is used only once.
 * @throws FolderInUseError when a live process holds the lock
 */
export async function lockFolder(lock: string): Promise<() => Promise<void>> {
  const deadline = Date.now() + backOffMs;
  for (;;) {
    const claim = `${lock}.${identityOf(process.pid)}.${randomBytes(6).toString("hex")}`;
    await writeFile(claim, "", { mode: 0o600, flag: "wx" });
    const holder = await otherHolder(lock, claim);
    if (holder === undefined) return () => rm(claim, { force: true });
    await rm(claim, { force: true });
    if (Date.now() > deadline) throw new FolderInUseError(lock, holder);
    await sleep(5 + Math.random() * 50);
  }
}

async function otherHolder(lock: string, own: string): Promise<number | undefined> {
  let holder: number | undefined;
  for (const name of await readdir(dirname(lock))) {
    const path = join(dirname(lock), name);
    if (!name.startsWith(`${basename(lock)}.`) || path === own) continue;
    const identity = name.slice(basename(lock).length + 1, name.lastIndexOf("."));
    const pid = Number.parseInt(identity, 10);
    if (identity === identityOf(pid)) holder = pid;
    else await rm(path, { force: true });
  }
  return holder;
}

/** A pid identifies a process only together with the start time, because pids are reused, in containers almost at once. */
function identityOf(pid: number): string | undefined {
  const info = inspectProcess(pid);
  return info && `${pid}-${info.startedAt.replace(/\W/g, "_")}`;
}
