import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDependencies } from "./ensure-dependencies.mjs";

// `npm start -- [--project PATH] [--ask "QUESTION"]`: installs missing dependencies, then builds and starts everything.
ensureDependencies();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const child = spawn(
  process.execPath,
  ["--import", "tsx", join(root, "scripts", "start.ts"), ...process.argv.slice(2)],
  // When this channel closes, the child knows that this process is gone, however it ended.
  { cwd: root, stdio: ["inherit", "inherit", "inherit", "ipc"] },
);
// Forwards the signal and waits for the child to stop what it started. After a Ctrl-C the terminal has sent it already; a
// second signal changes nothing.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.once("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
