import { execFile } from "node:child_process";
import { access, constants, mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { rgPath } from "@vscode/ripgrep";

const run = promisify(execFile);
let ripgrepRuns = false;

/** Rejects when the tools cannot work: without a temporary folder to write to, or without a ripgrep that runs here. */
export async function checkTools(): Promise<void> {
  await rmdir(await mkdtemp(join(tmpdir(), "boocode-check-")));
  if (ripgrepRuns) return await access(rgPath, constants.X_OK);
  await run(rgPath, ["--version"], { env: {}, timeout: 5_000 });
  ripgrepRuns = true;
}
