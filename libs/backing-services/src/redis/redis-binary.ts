import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { plainEnvironment } from "../process/spawn-server.ts";

const run = promisify(execFile);

/** A Redis or Valkey that works. */
export interface RedisBinary {
  program: string;
  product: "redis" | "valkey";
  /** From `--version`, such as "7.0.15". */
  version: string;
  /** Environment variables with which it finds its libraries. */
  env: Record<string, string>;
}

/** Runs `program --version`; undefined when it is missing or broken. */
export async function tryRedisBinary(
  program: string,
  env: Record<string, string> = {},
): Promise<RedisBinary | undefined> {
  try {
    const { stdout } = await run(program, ["--version"], {
      cwd: "/",
      env: { ...plainEnvironment(), ...env },
      timeout: 10_000,
    });
    const version = /server v=(\d+\.\S+)/.exec(stdout)?.[1];
    return version ? { program, product: /^valkey/i.test(stdout) ? "valkey" : "redis", version, env } : undefined;
  } catch {
    return undefined;
  }
}

/** The first working `redis-server`, else `valkey-server`, on the PATH or in Homebrew's folders. */
export async function findInstalledRedis(): Promise<RedisBinary | undefined> {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/opt/homebrew/bin", "/usr/local/bin"];
  for (const name of ["redis-server", "valkey-server"]) {
    for (const folder of folders) {
      const found = folder.startsWith("/") ? await tryRedisBinary(join(folder, name)) : undefined;
      if (found) return found;
    }
  }
  return undefined;
}
