import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** At the end of the test, stops the kept servers that a killed run left behind and removes the folder. */
const cleaner = `
cat >/dev/null
sleep 0.2
for file in "$0"/*/postmaster.pid "$0"/.data/*/postmaster.pid; do
  [ -r "$file" ] && kill -QUIT "$(head -n 1 "$file")"
done 2>/dev/null
for file in "$0"/redis-*.json "$0"/valkey-*.json; do
  [ -r "$file" ] && kill -KILL "$(sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p' "$file")"
done 2>/dev/null
rm -rf "$0"
`;

/** A folder for one test, closed to other users, as mkdtemp creates it. No server that runs in it survives the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "boocode-test-"));
  const shell = spawn("/bin/sh", ["-c", cleaner, folder], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  onTestFinished(async () => {
    shell.stdin.end();
    await once(shell, "exit");
  });
  return folder;
}
