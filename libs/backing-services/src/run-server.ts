import { chmod, mkdir, mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFolder } from "./files/lock-folder.ts";
import { publicFolder } from "./files/public-folder.ts";
import { endProcess, signalTree } from "./process/end-process.ts";
import { startGuardian } from "./process/guardian.ts";
import { inspectProcess } from "./process/inspect-process.ts";
import { canEnter, type SystemUser } from "./process/system-user.ts";
import type { Server } from "./server.ts";

export interface RunningServer {
  pid: number;
  port: number;
}

/** What a private Postgres and a private Redis do differently. */
export interface PrivateServer {
  /** One human-readable phrase: the program, its version, and its data folder. */
  description: string;
  /** The signal for a fast, orderly shutdown. */
  stopSignal: NodeJS.Signals;
  urlOf(port: number): string;
  /** @returns a server that an earlier start left running on this data; undefined if there is none */
  adopt(): Promise<RunningServer | undefined>;
  launch(options: { samePort: boolean }): Promise<RunningServer>;
}

interface HomeOptions {
  dataDir?: string | undefined;
  keep: boolean;
  user?: SystemUser | undefined;
}

/**
 * Runs a private server. Kept data is locked against a second start, and a server that is still running on it is adopted. A
 * throw-away server has its own folder and ends with this process, even after SIGKILL.
 * @throws FolderInUseError when another live process uses the kept data
 */
export async function runServer(
  name: "postgres" | "redis",
  options: HomeOptions,
  open: (home: string) => Promise<PrivateServer>,
): Promise<Server> {
  const { keep } = options;
  const home = await openHome(options);
  const guardian = keep ? undefined : startGuardian(home);
  const unlock = keep ? await lockFolder(`${home}/${name}.lock`) : undefined;
  const release = async () => {
    await guardian?.release();
    await unlock?.();
  };
  try {
    const server = await open(home);
    const adopted = keep ? await server.adopt() : undefined;
    let running = adopted ?? (await server.launch({ samePort: false }));
    guardian?.watch(running.pid);
    const end = async () => {
      if (inspectProcess(running.pid)) await endProcess(running.pid, server.stopSignal);
      guardian?.watch(undefined);
    };
    return {
      url: server.urlOf(running.port),
      how: `${server.description}${adopted ? ", found running" : ""}`,
      get pid() {
        return running.pid;
      },
      kill: (signal) => signalTree(running.pid, signal),
      stop: async () => {
        await end();
        await release();
      },
      restart: async () => {
        await end();
        running = await server.launch({ samePort: true });
        guardian?.watch(running.pid);
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * The folder for a server's data, log and state: `dataDir` itself when the data is kept, else a new folder in `dataDir`
 * (default: the system's temporary folder). When `user` cannot enter it, a folder under /var/tmp instead.
 */
async function openHome(options: HomeOptions): Promise<string> {
  const wanted = options.dataDir ?? tmpdir();
  await mkdir(wanted, { recursive: true });
  const reachable = canEnter(wanted, options.user);
  if (options.keep) return reachable ? wanted : publicFolder(await realpath(wanted));
  const home = await mkdtemp(join(reachable ? wanted : "/var/tmp", "boocode-server-"));
  if (options.user) await chmod(home, 0o711);
  return home;
}
