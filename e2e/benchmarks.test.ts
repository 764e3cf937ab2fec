import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot } from "@boocode/backing-services";
import { expect, test } from "vitest";

test("each benchmark runs at a tiny size and prints its table", async () => {
  const out = mkdtempSync(join(tmpdir(), "boocode-bench-"));
  const measuring = "relay turns turns-at-once fanout tools history cost citations memory read-file";
  const names = `${measuring} claim-turn delete-project gateway-checks scale search`.split(" ");
  const args = ["--import", "tsx", "bench/main.ts", ...names, "--smoke", "--out", out];
  const { DATABASE_URL: _, REDIS_URL: __, ...env } = process.env;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: repositoryRoot, env });
    for (const name of names)
      expect(stdout).toMatch(new RegExp(`^## ${name}: .*\n\n\\|.*\\|\n\\|[-|]*\\|\n(\\| .*\\|\n)+`, "m"));
    expect(stdout).not.toMatch(/NaN/);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}, 400_000);
