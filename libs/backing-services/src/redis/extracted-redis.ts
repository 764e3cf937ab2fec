import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { plainEnvironment } from "../process/spawn-server.ts";
import { type RedisBinary, tryRedisBinary } from "./redis-binary.ts";

const run = promisify(execFile);

/** The Redis that an earlier `extractRedis` left in `downloads`; undefined when there is none that works. */
export async function findExtractedRedis(downloads: string): Promise<RedisBinary | undefined> {
  const root = join(downloads, "redis-debian");
  // Some packages still ship their libraries in /lib, which is a link to /usr/lib on an installed system.
  const folders = await Promise.all(["lib", "usr/lib"].map((name) => listFolder(join(root, name))));
  const paths = folders.flat().filter((path) => path.includes("-linux-"));
  return tryRedisBinary(join(root, "redis-server"), { LD_LIBRARY_PATH: paths.join(":") });
}

/**
 * Fetches Debian's or Ubuntu's own packages with apt and unpacks them into `downloads`, for this user alone: nothing is
 * installed, no root is needed, no service starts. Takes about 7 s. Returns the reason when there is no apt.
 */
export async function extractRedis(downloads: string): Promise<RedisBinary | string> {
  if (process.platform !== "linux" || !(await hasApt())) return "not a Debian or Ubuntu with apt-get and dpkg-deb";
  await mkdir(downloads, { recursive: true });
  const work = await mkdtemp(join(downloads, "redis-debian-"));
  try {
    const root = join(work, "root");
    await apt(work, ["update"]);
    // Downloads the package and the libraries that this machine lacks, and installs nothing.
    await apt(work, ["install", "--yes", "--download-only", "--reinstall", "--no-install-recommends", "redis-tools"]);
    await mkdir(root);
    for (const file of await listFolder(join(work, "cache", "archives"))) {
      if (file.endsWith(".deb")) await run("dpkg-deb", ["-x", file, root]);
    }
    // The binary contains several programs and chooses one by the name under which it is called.
    await symlink("usr/bin/redis-check-rdb", join(root, "redis-server"));
    await publish(root, join(downloads, "redis-debian"));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return (await findExtractedRedis(downloads)) ?? "the extracted redis-server does not run here";
}

async function listFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names.map((name) => join(folder, name));
}

async function hasApt(): Promise<boolean> {
  const programs = ["/usr/bin/apt-get", "/usr/bin/dpkg-deb"].map((program) => access(program));
  return Promise.all(programs).then(
    () => true,
    () => false,
  );
}

/** Runs apt-get with every folder that it writes to inside `work`. */
async function apt(work: string, command: string[]): Promise<void> {
  const lists = join(work, "lists");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(work, "cache", "archives", "partial"), { recursive: true });
  const options = [
    `Dir::State::lists=${lists}`,
    `Dir::Cache=${join(work, "cache")}`,
    "APT::Sandbox::User=",
    "Debug::NoLocking=1",
  ];
  const timeouts = ["Acquire::Retries=1", "Acquire::http::Timeout=20", "Acquire::https::Timeout=20"];
  const args = [...options, ...timeouts].flatMap((option) => ["-o", option]);
  const proxies = Object.fromEntries(Object.entries(process.env).filter(([name]) => /_proxy$/i.test(name)));
  const env = { ...plainEnvironment(), ...proxies, DEBIAN_FRONTEND: "noninteractive" } as Record<string, string>;
  await run("apt-get", ["-q", ...args, ...command], { cwd: work, env, timeout: 180_000 }).catch((cause) => {
    const output = String((cause as { stderr?: string }).stderr ?? "").trim();
    throw new Error(`apt-get ${command[0]} failed: ${output || (cause as Error).message}`, { cause });
  });
}

/** When two processes extract at once, the first rename wins and both use its result. A broken older result is replaced. */
async function publish(root: string, target: string): Promise<void> {
  const winner = await rename(root, target).then(
    () => true,
    () => false,
  );
  if (winner || (await findExtractedRedis(join(target, "..")))) return;
  await rm(target, { recursive: true, force: true });
  await rename(root, target);
}
