import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { SystemUser } from "../process/system-user.ts";
import { type PostgresBinaries, tryPostgresBinaries } from "./postgres-binaries.ts";

/**
 * Folders with one subfolder per version, and the path of the binaries in each: Debian, Red Hat, Homebrew, Postgres.app, EDB.
 */
const versionFolders = [
  { parent: "/usr/lib/postgresql", bin: "bin" },
  { parent: "/usr", name: /^pgsql-/, bin: "bin" },
  { parent: "/opt/homebrew/opt", name: /^postgresql/, bin: "bin" },
  { parent: "/usr/local/opt", name: /^postgresql/, bin: "bin" },
  { parent: "/Applications/Postgres.app/Contents/Versions", bin: "bin" },
  { parent: "/Library/PostgreSQL", bin: "bin" },
  { parent: "C:\\Program Files\\PostgreSQL", bin: "bin" },
];

/** The oldest supported version. */
const oldestMajor = 14;

/** The first usable Postgres on the PATH, else the newest in the usual folders of packages; undefined when there is none. */
export async function findInstalledPostgres(user: SystemUser | undefined): Promise<PostgresBinaries | undefined> {
  const onPath = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder.startsWith("/") || folder.includes(":"));
  for (const folder of [...onPath, ...usualFolders()]) {
    const binaries = await tryPostgresBinaries(folder, user);
    if (binaries && binaries.major >= oldestMajor) return binaries;
  }
  return undefined;
}

function usualFolders(): string[] {
  return versionFolders.flatMap(({ parent, name, bin }) => {
    const versions = listFolder(parent).filter((entry) => name === undefined || name.test(entry));
    return versions
      .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
      .map((entry) => join(parent, entry, bin));
  });
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
