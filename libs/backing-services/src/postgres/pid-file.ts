import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Reads postmaster.pid: line 1 is the pid, 4 the port, 8 the state. */
export async function readPidFile(
  dataFolder: string,
): Promise<{ pid: number; port: number; ready: boolean } | undefined> {
  const text = await readFile(join(dataFolder, "postmaster.pid"), "utf8").catch(() => undefined);
  const lines = text?.split("\n");
  return lines && { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
}

/** Whether this is the command of a Postgres server. It is empty on a platform that does not report commands. */
export function isPostgres(command: string): boolean {
  return command === "" || /postgres|postmaster/.test(command);
}
