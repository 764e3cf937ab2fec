import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { SystemUser } from "./system-user.ts";

export interface SpawnedServer {
  pid: number;
  hasExited(): boolean;
}

/**
 * Starts a long-lived program in its own session, so that neither Ctrl-C nor the end of this process stops it. Its output is
 * appended to `logFile`; `input` is all of its standard input.
 * @throws when the program cannot be executed
 */
export async function spawnServer(options: {
  command: string;
  args: string[];
  logFile: string;
  user?: SystemUser | undefined;
  input?: string;
  env?: Record<string, string>;
}): Promise<SpawnedServer> {
  const log = openSync(options.logFile, "a", 0o600);
  try {
    const child = spawn(options.command, options.args, {
      detached: true,
      cwd: "/",
      stdio: ["pipe", log, log],
      env: { ...plainEnvironment(), ...options.env },
      ...options.user,
    });
    let exited = false;
    child.once("exit", () => {
      exited = true;
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    // A server that ends before it has read its input is reported by its exit, not by EPIPE.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
    child.unref();
    return { pid: child.pid!, hasExited: () => exited };
  } finally {
    closeSync(log);
  }
}

/** A server outlives this process and must not inherit its secrets; variables such as PGDATA would change its behaviour. */
export function plainEnvironment(): Record<string, string> {
  const passed = ["PATH", "HOME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SystemRoot", "TEMP"];
  const known = passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...Object.fromEntries(known), LC_ALL: "C" };
}
