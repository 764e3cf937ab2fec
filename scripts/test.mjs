import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDependencies } from "./ensure-dependencies.mjs";

// `npm test -- <arguments of vitest>`: installs what is missing, runs all tests once, ends with vitest's exit code.
ensureDependencies();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const child = spawn(
  process.execPath,
  [vitest, "run", "--project", "pure", "--project", "services", ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);

// The terminal sends Ctrl-C to vitest as well; we wait for it to stop its servers. `kill` reaches only us, so it is passed on.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.once("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
