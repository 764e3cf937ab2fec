import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("./blockable.ts", import.meta.url));

/** The warnings of a service that needs 1,024 open files, started with this limit. */
async function warningsWith(limit: number) {
  const node = [process.execPath, "--import", "tsx", program];
  const args = ["-c", 'ulimit -n "$0" && exec "$@"', String(limit), ...node];
  const env = { ...process.env, LOG_LEVEL: "warn" };
  const child = spawn("sh", args, { stdio: ["ignore", "pipe", "pipe"], env });
  const log = text(child.stdout);
  await once(child.stderr, "data");
  child.kill("SIGTERM");
  return (await log)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

test("a service warns at start when it may open fewer files than its settings need", async () => {
  const [tight, enough] = await Promise.all([warningsWith(512), warningsWith(1_024)]);
  expect(tight).toEqual([expect.objectContaining({ level: 40, limit: 512, needed: 1_024 })]);
  expect(enough).toEqual([]);
});
