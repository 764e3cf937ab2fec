import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { rgPath } from "@vscode/ripgrep";

/** What one ripgrep process may use. */
export interface SearchLimits {
  /** Commands of a shell, such as `ulimit -v 400000`. */
  commands: readonly string[];
  /** What this system cannot limit. */
  missing: readonly ("memory" | "CPU time")[];
}

export const NO_LIMITS: SearchLimits = { commands: [], missing: ["memory", "CPU time"] };

const SHELL = "/bin/sh";
/** Variables that shells set. */
const UNSET = "unset PWD OLDPWD SHLVL";
const run = promisify(execFile);

/** Finds the limits that this system can set for a ripgrep process. macOS has none for memory. */
export async function findSearchLimits(use: { memoryMb: number; cpuMs: number }): Promise<SearchLimits> {
  const memory = { what: "memory", command: `ulimit -v ${use.memoryMb * 1024}` } as const;
  const cpu = { what: "CPU time", command: `ulimit -t ${Math.ceil(use.cpuMs / 1000)}` } as const;
  const commands: string[] = [];
  const missing: SearchLimits["missing"][number][] = [];
  for (const { what, command } of [memory, cpu]) {
    const [program, args] = ripgrepCommand({ commands: [command] }, ["--version"]);
    const works = await run(program, args, { env: {}, timeout: 5_000 }).then(
      () => true,
      () => false,
    );
    if (works) commands.push(command);
    else missing.push(what);
  }
  return { commands, missing };
}

/** The program that runs ripgrep within the limits, and its arguments. */
export function ripgrepCommand(
  { commands }: Pick<SearchLimits, "commands">,
  args: readonly string[],
): [string, string[]] {
  if (commands.length === 0) return [rgPath, [...args]];
  // ripgrep's own arguments are passed as such, so that no shell reads them.
  return [SHELL, ["-c", [...commands, UNSET, 'exec "$0" "$@"'].join(" && "), rgPath, ...args]];
}
