import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDependencies } from "./ensure-dependencies.mjs";

// `npm start -- [--project PATH] [--ask "QUESTION"]`: installs what is missing, then starts everything.
ensureDependencies();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const child = spawn(
  process.execPath,
  ["--import", "tsx", "--conditions=@boocode/source", join(root, "scripts", "start.ts"), ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
// The terminal sends Ctrl-C to the child as well; we wait for it to stop what it started.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.once("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
