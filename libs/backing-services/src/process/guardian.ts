import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";

/** Ends a throw-away server when this process ends, however it ends. */
export interface Guardian {
  /** The server to end; undefined while there is none. */
  watch(pid: number | undefined): void;
  /** Ends the watched server if there still is one, and removes the folder. */
  release(): Promise<void>;
}

/** Reads pids until its input closes, which also happens after SIGKILL; then ends the last one and removes the folder. */
const script = `
alive() {
  kill -0 "$last" || return 1
  # A zombie that nobody reaps, as in many containers, has ended too.
  [ -r "/proc/$last/stat" ] || return 0
  read -r _ _ state _ <"/proc/$last/stat" && [ "$state" != Z ]
}
last=0
while read -r pid; do last=$pid; done
if [ "$last" -gt 1 ]; then
  kill -QUIT "$last"; kill -CONT "$last"
  n=0; while alive && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done
  alive && kill -KILL "$last"
fi 2>/dev/null
rm -rf "$0"
`;

/** Starts a shell that waits for the end of this process and then ends the server and removes `folder`. */
export function startGuardian(folder: string): Guardian {
  if (process.platform === "win32") {
    return { watch: () => {}, release: () => rm(folder, { recursive: true, force: true }) };
  }
  const shell = spawn("/bin/sh", ["-c", script, folder], {
    detached: true,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.stdin.on("error", () => {});
  shell.unref();
  // The pipe must not keep this process alive.
  (shell.stdin as unknown as { unref(): void }).unref();
  return {
    watch: (pid) => shell.stdin.write(`${pid ?? 0}\n`),
    release: async () => {
      if (shell.exitCode !== null || shell.signalCode !== null) return;
      shell.ref();
      shell.stdin.end();
      await once(shell, "exit");
    },
  };
}
