import * as fs from "node:fs";
import type * as promises from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";

/** The calls that tools make, with the signatures of node:fs/promises. */
export type Files = Pick<typeof promises, "lstat" | "open" | "readdir" | "readlink" | "realpath" | "stat" | "statfs">;

/** Timers and messages get their turn this often. */
const PAUSE_MS = 10;
/** Beyond this byte of a file, reads wait in the background. */
const QUICK_BYTES = 1024 * 1024;

const read = promisify(fs.read);
let paused = performance.now();

async function pauseIfDue(): Promise<void> {
  if (performance.now() - paused < PAUSE_MS) return;
  await setImmediate();
  paused = performance.now();
}

const quick =
  <Args extends unknown[], Result>(call: (...args: Args) => Result) =>
  async (...args: Args): Promise<Result> => {
    await pauseIfDue();
    return call(...args);
  };

/** Has only what tools use of a handle. */
class QuickHandle {
  fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  async stat(options?: fs.StatSyncOptions) {
    return fs.fstatSync(this.fd, options);
  }

  async read(buffer: Buffer, offset: number, length: number, position: number) {
    if (position >= QUICK_BYTES) return await read(this.fd, buffer, offset, length, position);
    await pauseIfDue();
    return { bytesRead: fs.readSync(this.fd, buffer, offset, length, position), buffer };
  }

  async close() {
    if (this.fd !== -1) fs.closeSync(this.fd);
    this.fd = -1;
  }
}

/**
 * The same calls without Node's thread pool, which takes several times as long for a call as the kernel. Only for tools, which run in
 * a process of their own, where nothing else waits.
 */
export const quickFiles = {
  lstat: quick(fs.lstatSync),
  open: quick((path: fs.PathLike, flags: number) => new QuickHandle(fs.openSync(path, flags))),
  readdir: quick(fs.readdirSync),
  readlink: quick(fs.readlinkSync),
  realpath: quick(fs.realpathSync.native),
  stat: quick(fs.statSync),
  statfs: quick(fs.statfsSync),
} as unknown as Files;
