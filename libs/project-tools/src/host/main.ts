import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { type FromToolProcess, TEMPORARY, type ToolSettings, type ToToolProcess } from "../pool/messages.ts";
import { answerWork } from "./answer-work.ts";
import { createRoots } from "./roots.ts";
import { watchItself } from "./watch-itself.ts";

/*
 * The process in which tool calls run, one at a time, started by a pool (`tool-process.ts`). It has no connection and no secret, and a
 * temporary folder of its own.
 */

if (!process.connected) {
  console.error("a service starts this program");
  process.exit(1);
}

const send = (message: FromToolProcess) => process.send?.(message, () => {});
let answer: ReturnType<typeof start> | null = null;

process.on("message", (message: ToToolProcess) => {
  if ("settings" in message) {
    answer = start(message.settings);
    send("ready");
  } else void answer?.(message.project, message).then(send);
});

function start(settings: ToolSettings) {
  const beginCall = settings.watchItself ? watchItself(settings.watchItself) : () => {};
  const run = answerWork(settings, createRoots(settings));
  return (...work: Parameters<typeof run>) => {
    beginCall();
    return run(...work);
  };
}

// Its service ends it or is gone. Whoever stops a whole process group must leave calls time to finish.
process.on("disconnect", end);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});

/** Ends this process and its ripgrep, which are a process group. */
function end(): void {
  // If its starter gave it no folder of its own, this is that of all programs.
  if (basename(tmpdir()).startsWith(TEMPORARY)) rmSync(tmpdir(), { recursive: true, force: true });
  try {
    process.kill(-process.pid, "SIGKILL");
  } finally {
    process.exit();
  }
}
