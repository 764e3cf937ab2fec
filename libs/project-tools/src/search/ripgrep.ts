import { spawn } from "node:child_process";
import { once } from "node:events";
import { rgPath } from "@vscode/ripgrep";
import { ToolFailure } from "../tool-failure.ts";
import type { Limiter } from "./limiter.ts";
import { type SplitRecord, splitRecords } from "./split-records.ts";

interface RipgrepRun {
  args: string[];
  cwd: string;
  /** The byte that separates the records of the output. */
  separator: number;
  signal: AbortSignal;
  slots: Limiter;
}

/** A match record contains a line of at most 2 MB, which is longer in JSON, and then the position of each match. */
const MAX_RECORD_BYTES = 4 * 1024 * 1024;
const MAX_STDERR_BYTES = 8192;
/** ripgrep's exit code for an error; 1 means that nothing was found. */
const EXIT_ERROR = 2;

/** @throws when the system cannot start another process; the slot is then released */
function start(args: string[], cwd: string, release: () => void) {
  try {
    // The environment is empty, so that no configuration of ripgrep or git and no secret of this process reaches the child.
    return spawn(rgPath, args, { cwd, env: {}, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Runs ripgrep and yields the records of its output as they arrive. The process is killed when the consumer stops iterating
 * or the signal aborts; it never outlives the iteration.
 * @throws ToolFailure with ripgrep's message for an invalid pattern or glob
 */
export async function* ripgrep({ args, cwd, separator, signal, slots }: RipgrepRun): AsyncGenerator<SplitRecord> {
  const release = await slots.acquire(signal);
  const child = start(args, cwd, release);
  // The slot is released on exit: a killed process that hangs in the kernel keeps it, but no caller waits for the process.
  child.once("exit", release);
  child.once("error", release);
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  const closed = once(child, "close") as Promise<[code: number | null]>;
  closed.catch(() => {});
  let stderr = Buffer.alloc(0);
  child.stderr.on("data", (piece: Buffer) => {
    stderr = Buffer.concat([stderr, piece]).subarray(0, MAX_STDERR_BYTES);
  });
  try {
    signal.throwIfAborted();
    let records = 0;
    for await (const record of splitRecords(child.stdout, separator, MAX_RECORD_BYTES)) {
      signal.throwIfAborted();
      records += 1;
      yield record;
    }
    const [code] = await closed;
    signal.throwIfAborted();
    // If there are records, the pattern was valid: the error is about unreadable files, which are skipped silently.
    if (code === EXIT_ERROR && records === 0 && stderr.length > 0) {
      throw new ToolFailure(explainRipgrepError(stderr.toString("utf8")));
    }
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

const INVALID_PATTERN = "invalid pattern: ";

export function isInvalidPattern(error: unknown): error is ToolFailure {
  return error instanceof ToolFailure && error.message.startsWith(INVALID_PATTERN);
}

/** ripgrep's error message about a pattern or glob, without advice about its command line. */
export function explainRipgrepError(stderr: string): string {
  if (stderr.includes("multiline mode")) {
    return `${INVALID_PATTERN}the search works line by line, so a pattern cannot contain a line break; search for one of the lines`;
  }
  const message = stderr
    .replace(/^rg: /, "")
    .replace(/\n+Consider [\s\S]*$/, "")
    .trimEnd();
  if (message.includes("error parsing glob")) return `invalid glob: ${message}`;
  const advice = /look-around|backreferences/.test(message)
    ? "\n(look-around and backreferences are not available)"
    : "";
  return `${INVALID_PATTERN}${message}${advice}\n(fixed_string: true searches for the pattern as plain text)`;
}
