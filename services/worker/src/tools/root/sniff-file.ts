import type { FileHandle } from "node:fs/promises";

type FileLook = "empty" | "text" | "utf-16" | "binary";

/** As git does: a NUL in the first bytes makes a file binary. */
const SNIFFED_BYTES = 8192;

/** What the beginning of a file says it is. */
export async function sniffFile(handle: FileHandle): Promise<FileLook> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
  if (bytesRead === 0) return "empty";
  const head = buffer.subarray(0, bytesRead);
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return "utf-16";
  return head.includes(0) ? "binary" : "text";
}
