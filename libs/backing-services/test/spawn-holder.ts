import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Held {
  child: ChildProcess;
  uid: number | undefined;
  postgres: { url: string; pid: number; how: string };
  redis: { url: string; pid: number; how: string };
}

/** Starts `holder.ts`, which holds a Postgres and a Redis, as the given user; resolves when both answer. */
export async function spawnHolder(options: { dataDir: string; keep: boolean }, uid?: number): Promise<Held> {
  const file = fileURLToPath(new URL("holder.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", file, JSON.stringify(options)], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["pipe", "pipe", "inherit"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const line = await Promise.race([
    once(createInterface(child.stdout!), "line").then(([text]) => text as string),
    once(child, "exit").then(() => undefined),
  ]);
  if (line === undefined) throw new Error("the holder ended before its servers answered");
  return { child, ...(JSON.parse(line) as Omit<Held, "child">) };
}

/** Kills the holder with SIGKILL and waits for its exit. */
export async function killHolder({ child }: Held): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** Lets the holder stop its servers and exit. */
export async function endHolder({ child }: Held): Promise<void> {
  const gone = once(child, "exit");
  child.stdin!.end();
  await gone;
}
