import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { endProcess } from "./process/end-process.ts";
import type { SpawnedServer } from "./process/spawn-server.ts";
import type { RunningServer } from "./run-server.ts";

/** Repairing the data after a crash, or loading the append-only file, may take this long. */
export const startupMs = 60_000;

/**
 * Starts a server, on the port of its last start if that is free, else on another. Resolves when the server is ready.
 * @throws with the end of the server's log when it exits or is not ready in time
 */
export async function launchServer(options: {
  name: string;
  logFile: string;
  /** The port of the last start. */
  port: number | undefined;
  /** Wait for `port` when it is taken, instead of choosing another. */
  samePort: boolean;
  spawn(port: number): Promise<SpawnedServer>;
  isReady(server: SpawnedServer, port: number): Promise<boolean>;
  /** The signal for a server that is not ready in time. */
  abortSignal: NodeJS.Signals;
  /** Matches the log of a failed start that may succeed when it is retried. */
  transientFailure: RegExp;
}): Promise<RunningServer> {
  const deadline = Date.now() + startupMs;
  let log = "it exited and logged nothing";
  for (;;) {
    const port = options.samePort && options.port ? options.port : await freePort(options.port);
    await writeFile(options.logFile, "");
    const server = await options.spawn(port);
    if (await untilReady(server, port)) return { pid: server.pid, port };
    const logged = await readFile(options.logFile, "utf8");
    // The deadline may cut the last attempt short, before it logs anything.
    log = logged || log;
    if (!options.transientFailure.test(logged) || Date.now() > deadline) {
      throw new Error(`${options.name} did not start:\n${log.slice(-2000)}`);
    }
    await sleep(50);
  }

  async function untilReady(server: SpawnedServer, port: number): Promise<boolean> {
    while (!server.hasExited()) {
      if (await options.isReady(server, port)) return true;
      if (Date.now() > deadline) {
        await endProcess(server.pid, options.abortSignal);
        return false;
      }
      await sleep(10);
    }
    return false;
  }
}

/**
 * A port of 127.0.0.1 that is free at this moment, preferably `preferred`. Another program may take it before the server
 * binds it, so a failed start must be retried.
 */
async function freePort(preferred?: number): Promise<number> {
  return (preferred ? await tryPort(preferred) : undefined) ?? (await tryPort(0))!;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => (port === 0 ? reject(error) : resolve(undefined)));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
