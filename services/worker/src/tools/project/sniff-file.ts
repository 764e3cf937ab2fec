import type { FileHandle } from "node:fs/promises";

type FileKind = "empty" | "text" | "utf-16" | "binary";

/** As in git, a NUL among the first bytes makes a file binary. */
const SNIFFED_BYTES = 8192;

/** Guesses the kind of a file from its first bytes. */
export async function sniffFile(handle: FileHandle): Promise<FileKind> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
  if (bytesRead === 0) return "empty";
  const head = buffer.subarray(0, bytesRead);
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return "utf-16";
  return head.includes(0) ? "binary" : "text";
}
