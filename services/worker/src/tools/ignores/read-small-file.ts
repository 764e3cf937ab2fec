import type { ProjectRoot } from "../project/project-root.ts";

/** Reads the beginning of a file in the project. @returns null when it does not exist or cannot be read */
export async function readSmallFile(
  root: ProjectRoot,
  path: string,
  maxBytes: number,
  { followSymlink = true } = {},
): Promise<Buffer | null> {
  const opened = await root.tryOpen(path, "file");
  if (opened === null) return null;
  try {
    if (!followSymlink && opened.path !== path) return null;
    // The buffer is no larger than the file; a file that grows meanwhile is cut.
    const buffer = Buffer.alloc(Math.min(opened.size, maxBytes));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await opened.handle.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await opened.handle.close();
  }
}
