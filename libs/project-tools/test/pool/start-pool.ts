import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ToolCall } from "@boocode/contracts";
import { onTestFinished, vi } from "vitest";
import { createToolPool, type ToolPoolDeps } from "../../src/pool/tool-pool.ts";
import type { ProjectFolder } from "../../src/project/open-folder.ts";
import { NO_LIMITS } from "../../src/search/search-limits.ts";

/** The tools' own program, as `npm run build` makes it. */
export const PROGRAM = join(import.meta.dirname, "../../../../dist/worker/tool-process/main.mjs");
/** A program that does what the call says. */
export const UNRULY = join(import.meta.dirname, "unruly.mjs");

export const SETTINGS = {
  limits: { timeoutMs: 30_000, outputBytes: 30_000 },
  groupsOff: [],
  own: { folders: [], files: [] },
};
export const USE = { memoryMb: 512, cpuMs: 30_000 };
export const NO_FOLDER: ProjectFolder = { key: "k", real: "/", path: "/", device: "0", inode: "0", above: [] };

export const never = new AbortController().signal;
let calls = 0;
export const callOf = (name: string, args: Record<string, unknown> = {}): ToolCall => ({
  id: `call-${++calls}`,
  name,
  arguments: args,
});

/** A pool whose temporary folders are in one that no other test has. */
export async function startPool(options: Partial<ToolPoolDeps> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "boocode-pool-"));
  vi.stubEnv("TMPDIR", folder);
  const logged: { message: string; facts: object }[] = [];
  const log = (facts: object, message: string) => void logged.push({ message, facts });
  const pool = createToolPool({
    size: 4,
    program: UNRULY,
    settings: SETTINGS,
    search: Promise.resolve(NO_LIMITS),
    use: USE,
    waitMs: 60_000,
    log: { warn: log, error: log },
    ...options,
  });
  onTestFinished(async () => {
    await pool.stop();
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });
  const run = (
    user: string,
    call: ToolCall,
    { signal = never, project = NO_FOLDER, onWait = (_ahead: number) => {} } = {},
  ) => pool.run({ user, project, call }, signal, onWait);
  return { pool, run, folder, logged };
}

/** Whether a process lives; one that has ended and that nobody has waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    return !execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).startsWith("Z");
  } catch {
    return false;
  }
}
