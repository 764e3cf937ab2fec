import { spawn } from "node:child_process";
import { once } from "node:events";
import { rgPath } from "@vscode/ripgrep";
import { ToolFailure } from "../tool-failure.ts";
import type { Limiter } from "./limiter.ts";
import { type SplitRecord, splitRecords } from "./split-records.ts";

interface RipgrepRun {
  args: string[];
  cwd: string;
  /** The byte that ends a record of the output. */
  separator: number;
  signal: AbortSignal;
  slots: Limiter;
}

/** A match's record holds its line and every place in it; a line of a million bytes is nobody's answer. */
const MAX_RECORD_BYTES = 1024 * 1024;
const MAX_COMPLAINT_BYTES = 8192;
/** ripgrep's exit code when something went wrong; 1 means that nothing was found. */
const WENT_WRONG = 2;

/** @throws when there is no room for another process; the slot is then free again */
function start(args: string[], cwd: string, release: () => void) {
  try {
    return spawn(rgPath, args, { cwd, env: {}, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Runs ripgrep and gives the records of its output as they come. The process is killed when the consumer stops, when the
 * signal aborts, and in no case outlives the iteration. Throws `ToolFailure` with ripgrep's words for a bad pattern or glob.
 */
export async function* ripgrep({ args, cwd, separator, signal, slots }: RipgrepRun): AsyncGenerator<SplitRecord> {
  const release = await slots.acquire(signal);
  // An empty environment: no configuration of ripgrep or git, and no secret of this process, reaches the child.
  const child = start(args, cwd, release);
  // A killed process that hangs in the kernel keeps its slot until it is gone; nobody waits for it.
  child.once("exit", release);
  child.once("error", release);
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  const closed = once(child, "close") as Promise<[code: number | null]>;
  closed.catch(() => {});
  let complaint = Buffer.alloc(0);
  child.stderr.on("data", (piece: Buffer) => {
    complaint = Buffer.concat([complaint, piece]).subarray(0, MAX_COMPLAINT_BYTES);
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
    // With records there was no bad pattern: what could not be read is left out in silence, as in any search.
    if (code === WENT_WRONG && records === 0 && complaint.length > 0) {
      throw new ToolFailure(explainRipgrepError(complaint.toString("utf8")));
    }
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

/** ripgrep's complaint about a pattern or glob, without the advice that only fits its command line. */
export function explainRipgrepError(complaint: string): string {
  if (complaint.includes("multiline mode")) {
    return "invalid pattern: the search goes line by line, so a pattern cannot hold a line break; search for one of the lines";
  }
  const words = complaint
    .replace(/^rg: /, "")
    .replace(/\n+Consider [\s\S]*$/, "")
    .trimEnd();
  if (words.includes("error parsing glob")) return `invalid glob: ${words}`;
  const advice = /look-around|backreferences/.test(words) ? "\n(look-around and backreferences are not available)" : "";
  return `invalid pattern: ${words}${advice}\n(fixed_string: true searches for the text as it stands)`;
}
