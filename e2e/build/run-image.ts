import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Running {
  url: string;
  process: ChildProcess;
  /** Sends SIGTERM, as Docker does. @returns the exit code, or the signal that ended it */
  stop(): Promise<number | NodeJS.Signals | null>;
}

/** Starts an image's command in its folder, with only this environment. @throws with its output when it exits early */
export async function runImage(folder: string, env: Record<string, string>): Promise<Running> {
  const child = spawn(process.execPath, ["service/dist/main.js"], {
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
