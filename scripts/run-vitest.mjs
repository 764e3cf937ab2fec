import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDependencies } from "./ensure-dependencies.mjs";

/**
 * Installs what is missing, runs vitest once and ends with its exit code.
 * @param {string[]} args vitest's arguments after `run`
 * @param {Record<string, string>} env beside this process's own
 */
export function runVitest(args, env = {}) {
  ensureDependencies();
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  // The terminal sends Ctrl-C to vitest as well; we wait for it to stop its servers. `kill` reaches only us, so it is passed on.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
}
