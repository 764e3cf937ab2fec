import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const endWithParent = new URL("end-with-parent.mjs", import.meta.url).href;

/** A process of the system. */
export interface ServiceProcess {
  name: string;
  url: string;
  pid: number;
  process: ChildProcess;
  /** Sends the signal and waits for the exit. @returns the exit code, or the signal that ended the process */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
  exited: Promise<number | NodeJS.Signals | null>;
}

export interface ServiceSettings {
  env: Record<string, string | undefined>;
  /** Called with every output line. */
  onLine?(line: string): void;
  /** Called with the process before it listens, so that a caller that gives up can end it. */
  onSpawn?(child: ChildProcess): void;
  startTimeoutMs?: number;
  /** The checkout whose build is started; by default this one. */
  checkout?: string;
}

/**
 * Starts a service (`api`, `worker`, `gateway`, or `scripted-model`), as `npm run build` built it, and waits until it listens.
 * @throws with the last output lines when the process exits first
 */
export async function startService(name: string, settings: ServiceSettings): Promise<ServiceProcess> {
  const child = spawn(process.execPath, ["--import", endWithParent, `dist/${name}/main.mjs`], {
    cwd: settings.checkout ?? repository,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings.env },
    // The IPC channel carries no messages; only its closing matters: see `end-with-parent.mjs`.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  settings.onSpawn?.(child);
  const exited = once(child, "exit").then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals | null);
  const lastLines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail("did not start in time");
    }, settings.startTimeoutMs ?? 120_000);
    const fail = (why: string) => reject(new Error([`${name} ${why}`, ...lastLines].join("\n")));
    const onOutput = (line: string) => {
      settings.onLine?.(line);
      lastLines.push(line);
      if (lastLines.length > 20) lastLines.shift();
      const listeningAt = readUrl(line);
      if (!listeningAt) return;
      clearTimeout(timer);
      resolve(listeningAt);
    };
    for (const input of [child.stdout, child.stderr]) if (input) createInterface({ input }).on("line", onOutput);
    child.once("close", () => {
      clearTimeout(timer);
      fail("ended before it listened");
    });
  });
  return {
    name,
    url,
    pid: child.pid as number,
    process: child,
    exited,
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return await exited;
    },
  };
}

/** Services log the URL on which they listen. */
function readUrl(line: string): string | null {
  if (!line.startsWith("{")) return null;
  try {
    const { url, msg } = JSON.parse(line) as { url?: unknown; msg?: unknown };
    return typeof url === "string" && (msg === undefined || msg === "listening") ? url : null;
  } catch {
    return null;
  }
}
