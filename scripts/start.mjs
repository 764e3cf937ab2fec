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
  // The channel tells the child when we are gone, however we went.
  { cwd: root, stdio: ["inherit", "inherit", "inherit", "ipc"] },
);
// Passed on, and the child waited for while it stops what it started. After a Ctrl-C the terminal has told it already, and
// hearing it twice changes nothing.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.once("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
