import type { FileHandle } from "node:fs/promises";

/** Reads at most `maxBytes` from the beginning of an open file; a file that grows meanwhile is cut. */
export async function readStart(handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const { size } = await handle.stat();
  const buffer = Buffer.alloc(Math.min(size, maxBytes));
  let filled = 0;
  // One read may return less than is there.
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** The part of `ProjectRoot` that this needs. */
interface Source {
  tryOpenUnshown(path: string, kind: "file"): Promise<{ handle: FileHandle; path: string } | null>;
}

/**
 * Reads the beginning of a file in the project that tools obey and do not show: it may be withheld.
 * @returns null when it does not exist or cannot be read
 */
export async function readSmallFile(
  root: Source,
  path: string,
  maxBytes: number,
  { followSymlink = true } = {},
): Promise<Buffer | null> {
  const opened = await root.tryOpenUnshown(path, "file");
  if (opened === null) return null;
  try {
    return !followSymlink && opened.path !== path ? null : await readStart(opened.handle, maxBytes);
  } finally {
    await opened.handle.close();
  }
}
