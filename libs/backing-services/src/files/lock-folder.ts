import { randomBytes } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspectProcess } from "../process/inspect-process.ts";

/** The data folder belongs to another live process of ours. */
export class FolderInUseError extends Error {
  /** The process that holds it. */
  readonly holder: number;
  constructor(lock: string, holder: number) {
    super(`process ${holder} is using this data already (${lock}); stop it first, or use another data folder`);
    this.holder = holder;
  }
}

/** Two that come at the same moment both step back and come again; one that really holds the lock is still there then. */
const patienceMs = 1000;

/**
 * Takes a lock that counts only while the process that took it lives. Returns the function that gives it back.
 *
 * Each process lays down a claim, an empty file whose name says who it is, and only then looks for others. So of two,
 * at least one sees the other: never do both go on. A dead claim may be removed by anyone, since its name is used once.
 * @throws FolderInUseError when a live process holds it
 */
export async function lockFolder(lock: string): Promise<() => Promise<void>> {
  const deadline = Date.now() + patienceMs;
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

/** With its start time a pid names one process for good; alone it is reused, in containers nearly at once. */
function identityOf(pid: number): string | undefined {
  const info = inspectProcess(pid);
  return info && `${pid}-${info.startedAt.replace(/\W/g, "_")}`;
}
