import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { repositoryRoot } from "@boocode/backing-services";

export interface Running {
  url: string;
  process: ChildProcess;
  /** Sends SIGTERM, as Docker does. @returns the exit code, or the signal that ended it */
  stop(): Promise<number | NodeJS.Signals | null>;
}

/**
 * Copies what the Dockerfile puts into a service's image: its bundle and, as links in place of npm's downloads, the
 * `dependencies` of its manifest. A bundle that imports anything else does not start here.
 */
export function assembleImage(folder: string, service: string, manifest: string): void {
  cpSync(join(repositoryRoot, "dist", service), join(folder, "service"), { recursive: true });
  const { dependencies = {} } = JSON.parse(readFileSync(join(repositoryRoot, manifest, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    const path = join(folder, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(repositoryRoot, "node_modules", name), path);
  }
}

/** Starts an image's command in its folder, with only this environment. @throws with its output when it exits early */
export async function runImage(folder: string, env: Record<string, string>): Promise<Running> {
  const child = spawn(process.execPath, ["service/main.mjs"], {
    cwd: folder,
    env: { NODE_ENV: "production", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const said: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        const [, told] = /"url":"([^"]+)"/.exec(line) ?? [];
        if (told) resolve(told);
      });
    }
    void ended.then(() => reject(new Error(`${folder} ended before it listened:\n${said.join("\n")}`)));
  });
  return {
    url,
    process: child,
    async stop() {
      child.kill("SIGTERM");
      const [code, signal] = await ended;
      return signal ?? code;
    },
  };
}
