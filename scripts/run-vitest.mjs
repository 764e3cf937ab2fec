import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDependencies } from "./ensure-dependencies.mjs";

/**
 * Installs missing dependencies, runs vitest once and exits with its code.
 * @param {string[]} args vitest's arguments after `run`
 * @param {Record<string, string>} env added to this process's environment
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
  // The terminal sends Ctrl-C to vitest as well, so we wait for it to stop its servers. A signal from `kill` reaches only
  // this process and is forwarded.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
}
