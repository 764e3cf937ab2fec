import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot } from "@boocode/backing-services";

const run = promisify(execFile);
const modules = join(repositoryRoot, "node_modules");
const COPIED = ["package.json", "tsconfig.json", "tsconfig.base.json", "libs", "services", "scripts", "docker"];

const manifest = (folder: string): { name: string; dependencies?: Record<string, string> } =>
  JSON.parse(readFileSync(join(repositoryRoot, folder, "package.json"), "utf8"));

/** The folder of each of our packages, by name. */
const ours = new Map<string, string>(
  ["libs", "services"].flatMap((group) =>
    readdirSync(join(repositoryRoot, group)).map((name) => [`@boocode/${name}`, `${group}/${name}`] as const),
  ),
);

/** Builds a copy of this checkout with `npm run build`, so that the checkout's own `dist` is not touched. */
export async function buildCopy(folder: string): Promise<void> {
  for (const part of COPIED) {
    cpSync(join(repositoryRoot, part), join(folder, part), {
      recursive: true,
      filter: (path) => !["node_modules", "dist", "test"].includes(basename(path)),
    });
  }
  for (const name of readdirSync(modules)) if (name !== "@boocode") link(join(modules, name), folder, name);
  for (const [name, path] of ours) link(join(folder, path), folder, name);
  await run("npm", ["run", "build"], { cwd: folder }).catch((error: { stdout: string }) => {
    throw new Error(`npm run build failed:\n${error.stdout}`, { cause: error });
  });
}

/**
 * Installs a service for production as the Dockerfile does, but with links in place of npm's downloads: only the
 * `dependencies` of the service and of our libs. The same `docker/pack.mjs` completes the installation.
 */
export async function installService(built: string, service: string, folder: string): Promise<void> {
  const needed = new Set<string>([`@boocode/${service}`]);
  for (const name of needed) {
    const path = ours.get(name);
    if (!path) {
      link(join(modules, name), folder, name);
      continue;
    }
    cpSync(join(repositoryRoot, path, "package.json"), join(folder, path, "package.json"), { recursive: true });
    link(join(folder, path), folder, name);
    for (const dependency of Object.keys(manifest(path).dependencies ?? {})) needed.add(dependency);
  }
  await run(process.execPath, [join(built, "docker", "pack.mjs"), folder, service]);
}

function link(target: string, folder: string, name: string): void {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
