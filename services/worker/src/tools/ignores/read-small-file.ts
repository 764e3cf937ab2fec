import type { OpenedPath, ProjectRoot } from "../project/project-root.ts";

/**
 * Reads the beginning of a file in the project that tools obey and do not show: it may be withheld.
 * @returns null when it does not exist or cannot be read
 */
export async function readSmallFile(
  root: ProjectRoot,
  path: string,
  maxBytes: number,
  { followSymlink = true } = {},
): Promise<Buffer | null> {
  const opened = await root.tryOpenUnshown(path, "file");
  if (opened === null) return null;
  try {
    if (!followSymlink && opened.path !== path) return null;
    return await readStart(opened, maxBytes);
  } finally {
    await opened.handle.close();
  }
}

/** Reads at most `maxBytes` from the start of an open file; one that grows meanwhile is cut. */
export async function readStart({ handle, size }: OpenedPath, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.min(size, maxBytes));
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
