import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { saveState } from "../files/save-state.ts";
import { plainEnvironment } from "../process/spawn-server.ts";
import type { SystemUser } from "../process/system-user.ts";
import type { Durability } from "../server.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";

const run = promisify(execFile);

/** One private Postgres: its files, and what is needed to run and to reach it. */
export interface Cluster {
  binaries: PostgresBinaries;
  user: SystemUser | undefined;
  durability: Durability;
  /** Created by initdb; owned by `user`. */
  dataFolder: string;
  logFile: string;
  /**
   * Holds `password` and the last port. It is not in the data folder, because another user owns that folder and could plant a
   * symlink for us to write through.
   */
  stateFile: string;
  password: string;
  port: number | undefined;
}

/** Opens the data folder of this major version in `home`; creates it if it is missing, which takes about a second. */
export async function openCluster(options: {
  binaries: PostgresBinaries;
  user: SystemUser | undefined;
  durability: Durability;
  home: string;
}): Promise<Cluster> {
  const name = join(options.home, `postgres-${options.binaries.major}`);
  const cluster = { ...options, dataFolder: name, logFile: `${name}.log`, stateFile: `${name}.json`, port: undefined };
  const exists = await stat(name).then(
    () => true,
    () => false,
  );
  if (!exists) return initialize({ ...cluster, password: randomBytes(24).toString("hex") });
  const state = await readFile(cluster.stateFile, "utf8").catch((cause) => {
    throw new Error(
      `${name} is there, but its password in ${cluster.stateFile} cannot be read; remove ${name} to start afresh`,
      { cause },
    );
  });
  return { ...cluster, ...(JSON.parse(state) as { password: string; port?: number }) };
}

/**
 * The data folder gets its final name only when it is complete and its password is saved, so that an interrupted start leaves
 * nothing half-done.
 */
async function initialize(cluster: Cluster): Promise<Cluster> {
  const partial = `${cluster.dataFolder}.${randomBytes(6).toString("hex")}`;
  const passwordFile = `${partial}.password`;
  try {
    await writeFile(passwordFile, cluster.password, { mode: 0o600 });
    await mkdir(partial, { mode: 0o700 });
    if (cluster.user) {
      await chown(passwordFile, cluster.user.uid, cluster.user.gid);
      await chown(partial, cluster.user.uid, cluster.user.gid);
    }
    const args = [
      "-D",
      partial,
      "-U",
      "boocode",
      "-A",
      "scram-sha-256",
      `--pwfile=${passwordFile}`,
      "-E",
      "UTF8",
      "--no-locale",
    ];
    if (cluster.durability === "test") args.push("--no-sync");
    await run(join(cluster.binaries.folder, "initdb"), args, { cwd: "/", env: plainEnvironment(), ...cluster.user });
    await saveState(cluster.stateFile, { password: cluster.password, port: cluster.port });
    await rename(partial, cluster.dataFolder);
    return cluster;
  } catch (cause) {
    const output = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message;
    throw new Error(`initdb of Postgres ${cluster.binaries.version} failed: ${output}`, { cause });
  } finally {
    await rm(passwordFile, { force: true });
    await rm(partial, { recursive: true, force: true });
  }
}
