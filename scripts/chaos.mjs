import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureDependencies } from "./ensure-dependencies.mjs";

// `npm run chaos -- [--seed N] [--minutes M]`: one long mixed run of faults; the seed that is printed makes it again.
const { values } = parseArgs({ options: { seed: { type: "string" }, minutes: { type: "string", default: "5" } } });
for (const [name, value] of Object.entries(values)) {
  if (!Number.isFinite(Number(value)) || Number(value) <= 0) {
    console.error(`--${name} must be a number above 0`);
    process.exit(2);
  }
}
ensureDependencies();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const child = spawn(
  process.execPath,
  [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--project", "chaos"],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, CHAOS_MINUTES: values.minutes, ...(values.seed ? { CHAOS_SEED: values.seed } : {}) },
  },
);
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.once("exit", (code) => {
  process.exitCode = code ?? 1;
});
