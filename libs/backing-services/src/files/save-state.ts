import { rename, writeFile } from "node:fs/promises";

/** Saves what the next start needs to find the server. The file is replaced atomically and readable only by its owner. */
export async function saveState(
  file: string,
  state: { password: string; port: number | undefined; pid?: number | undefined },
): Promise<void> {
  const next = `${file}.next`;
  await writeFile(next, JSON.stringify(state), { mode: 0o600 });
  await rename(next, file);
}
