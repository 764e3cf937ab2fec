import { spawn } from "node:child_process";
import { once } from "node:events";
import { ToolFailure } from "../tool-failure.ts";
import { ripgrepCommand, type SearchLimits } from "./search-limits.ts";
import { type SplitRecord, splitRecords } from "./split-records.ts";

interface RipgrepRun {
  args: string[];
  /**
   * Passed on stdin, for `--file=-`: every user of the system can read a process' arguments. There, a pattern that looks like an
   * option stays a pattern: as an option, `--pre=…` would run a program.
   */
  pattern?: string;
  cwd: string;
  /** The byte that separates the records of the output. */
  separator: number;
  signal: AbortSignal;
  limits: SearchLimits;
}

/** A match record contains a line of at most 2 MB, which is longer in JSON, and then the position of each match. */
const MAX_RECORD_BYTES = 4 * 1024 * 1024;
const MAX_STDERR_BYTES = 8192;
/** ripgrep's exit code for an error; 1 means that nothing was found. */
const EXIT_ERROR = 2;

/** As `ripgrepBatches`, one record after the other. */
export async function* ripgrep(run: RipgrepRun): AsyncGenerator<SplitRecord> {
  for await (const records of ripgrepBatches(run)) yield* records;
}

/**
 * Runs ripgrep and yields the records of its output as they arrive, those of a chunk together. The process is killed when the consumer stops iterating
 * or the signal aborts; it never outlives the iteration.
 * @throws ToolFailure with ripgrep's message for an invalid pattern or glob, and when it exceeds its limits
 */
export async function* ripgrepBatches(run: RipgrepRun): AsyncGenerator<SplitRecord[]> {
  const { args, pattern, cwd, separator, signal, limits } = run;
  signal.throwIfAborted();
  // ripgrep would take each line as a pattern of its own.
  if (pattern?.includes("\n")) throw new ToolFailure(LINE_BREAK);
  const [program, all] = ripgrepCommand(limits, args);
  // The environment is empty, so that no configuration of ripgrep or git and no secret of this process reaches the child.
  const child = spawn(program, all, { cwd, env: {}, stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  // A process that exits without reading its input.
  child.stdin.on("error", () => {});
  child.stdin.end(pattern === undefined ? "" : `${pattern}\n`);
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  const closed = once(child, "close") as Promise<[code: number | null, ended: NodeJS.Signals | null]>;
  closed.catch(() => {});
  let stderr = Buffer.alloc(0);
  child.stderr.on("data", (piece: Buffer) => {
    stderr = Buffer.concat([stderr, piece]).subarray(0, MAX_STDERR_BYTES);
  });
  try {
    signal.throwIfAborted();
    let records = 0;
    for await (const together of splitRecords(child.stdout, separator, MAX_RECORD_BYTES)) {
      signal.throwIfAborted();
      records += together.length;
      yield together;
    }
    const [code, ended] = await closed;
    signal.throwIfAborted();
    // What was found before is not all there is.
    if (ended !== null) throw new ToolFailure(explainEnd(ended));
    // If there are records, the pattern was valid: the error is about unreadable files, which are skipped silently.
    if (code === EXIT_ERROR && records === 0 && stderr.length > 0) {
      throw new ToolFailure(explainRipgrepError(stderr.toString("utf8")));
    }
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

/** SIGXCPU, or SIGKILL a second later, ends a process at its limit of CPU time; one that gets no more memory aborts. */
function explainEnd(ended: NodeJS.Signals): string {
  const used = ended === "SIGXCPU" || ended === "SIGKILL" ? "CPU time" : "memory";
  return `the search used more ${used} than one call may; ask for less: a narrower path, glob or pattern`;
}

const INVALID_PATTERN = "invalid pattern: ";
const LINE_BREAK = `${INVALID_PATTERN}the search works line by line, so a pattern cannot contain a line break; search for one of the lines`;

export function isInvalidPattern(error: unknown): error is ToolFailure {
  return error instanceof ToolFailure && error.message.startsWith(INVALID_PATTERN);
}

/** ripgrep's error message about a pattern or glob, without advice about its command line. */
export function explainRipgrepError(stderr: string): string {
  if (stderr.includes("multiline mode")) return LINE_BREAK;
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
