import { createHash } from "node:crypto";
import { chmod, lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Creates a folder under /var/tmp that every user may enter but only we may write to; the same `key` gives the same folder. An
 * unprivileged server needs it when the checkout is in a closed folder such as /root.
 * @throws when another user owns the folder: anyone can create one in /var/tmp, and we would run or trust its files
 */
export async function publicFolder(key: string): Promise<string> {
  const hash = createHash("sha256").update(`${process.getuid?.()} ${key}`).digest("hex").slice(0, 16);
  const folder = join("/var/tmp", `boocode-${hash}`);
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${folder} belongs to another user; remove it, or set DATABASE_URL`);
  }
  await chmod(folder, 0o711);
  return folder;
}
