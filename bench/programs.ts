import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repositoryRoot } from "@boocode/backing-services";
import { build } from "esbuild";

/** A process of a benchmark. */
export interface Program {
  pid: number;
  /** Its first message, which it sends when it is ready. */
  hello: Record<string, unknown>;
  onMessage(act: (message: Record<string, unknown>) => void): void;
  stop(): Promise<void>;
}

/**
 * Starts a file of this folder and waits until it is ready. It is bundled first, because a loader of TypeScript would be a part of
 * the process that is measured.
 */
export async function startProgram(entry: string, env: Record<string, string>): Promise<Program> {
  const outfile = join(repositoryRoot, ".data", "bench", `${entry.replaceAll("/", "-")}.${process.pid}.mjs`);
  const source = join(import.meta.dirname, entry);
  await build({ entryPoints: [source], outfile, bundle: true, platform: "node", format: "esm", packages: "external" });
  const child = fork(outfile, { env: { PATH: process.env.PATH, NODE_ENV: "production", ...env }, execArgv: [] });
  const ended = once(child, "exit");
  const died = ended.then(() => Promise.reject(new Error(`${entry} ended`)));
  const [hello] = (await Promise.race([once(child, "message"), died])) as [Record<string, unknown>];
  died.catch(() => {});
  return {
    pid: child.pid as number,
    hello,
    onMessage: (act) => void child.on("message", act),
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
