import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The password of a kept container. It is made once per data folder: testcontainers finds a container again by its
 * settings, so the password is also what tells this checkout's container from another's.
 */
export async function containerPassword(dataDir: string, name: string): Promise<string> {
  const file = join(dataDir, `${name}-container.password`);
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, randomBytes(24).toString("hex"), { mode: 0o600, flag: "wx" }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    },
  );
  return readFile(file, "utf8");
}
