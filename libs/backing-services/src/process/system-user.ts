import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A user to run a program as, in the form that `spawn` takes. */
export interface SystemUser {
  uid: number;
  gid: number;
}

/** The user to run Postgres as, because it refuses to run as root: `postgres`, else `nobody`; undefined: the current user. */
export function unprivilegedUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const name of ["postgres", "_postgres", "nobody"]) {
    const account = accounts.find((fields) => fields[0] === name);
    // macOS gives nobody the id -2, which spawn refuses.
    if (account && Number(account[2]) > 0) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  return { uid: 65_534, gid: 65_534 };
}

/** Whether this user may enter the folder. Tried with `cd`, because mode bits do not show access lists and mount options. */
export function canEnter(folder: string, user: SystemUser | undefined): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd "$0"', folder], { cwd: "/", stdio: "ignore", ...user }).status === 0;
}
