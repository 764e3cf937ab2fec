import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Ensures that node_modules matches package-lock.json; runs `npm ci` only if it does not. Plain JavaScript without
 * dependencies, because it runs before any are installed. On failure it prints the reason and exits.
 */
export function ensureDependencies() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(
      `BooCode needs Node 20.19 or newer; this is ${process.versions.node}. See https://nodejs.org/ for a newer one.`,
    );
  }
  if (isInstalled()) return;
  const release = waitForTurn();
  try {
    if (!isInstalled()) install();
  } finally {
    release();
  }
}

/**
 * Compares contents, not times: a checkout touches package-lock.json, and `npm ci` would then delete modules that other
 * processes use.
 */
function isInstalled() {
  const wanted = readPackages(join(root, "package-lock.json"));
  const present = readPackages(join(root, "node_modules", ".package-lock.json"));
  if (!present) return false;
  return Object.entries(wanted ?? {}).every(([path, { version, link, optional }]) => {
    if (path === "") return true;
    const found = present[path];
    if (!found) return optional === true;
    return found.version === version && (link !== true || existsSync(join(root, path)));
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** `npm ci` rejects a lock that lacks some platforms' packages; `npm install` then still honours what it contains. */
function install() {
  console.error("Installing dependencies (once, about half a minute) …");
  const strict = npm(["ci", "--ignore-scripts"], "pipe");
  if (strict.status === 0) return;
  const reason = /npm error code (\S+)/.exec(String(strict.stderr))?.[1] ?? strict.error?.message ?? "no reason given";
  console.error(`npm ci did not succeed (${reason}); trying npm install, which leaves package-lock.json as it is …`);
  const lenient = npm(["install", "--ignore-scripts", "--no-save"], 2);
  if (lenient.status === 0) return;
  fail(
    "The dependencies could not be installed. This needs npm and its registry; the lines above say what went wrong.",
  );
}

/** Runs the npm that started this script, else the one on the PATH. */
function npm(args, stderr) {
  const cli = process.env.npm_execpath;
  const options = { cwd: root, stdio: ["ignore", stderr, stderr] };
  const quiet = ["--loglevel=error", "--no-audit", "--no-fund"];
  if (cli?.endsWith(".js")) return spawnSync(process.execPath, [cli, ...args, ...quiet], options);
  return spawnSync("npm", [...args, ...quiet], { ...options, shell: process.platform === "win32" });
}

/** Two concurrent starts must not install into the same folder: the second waits, and then finds everything installed. */
function waitForTurn() {
  const lock = join(root, ".data", "installing");
  mkdirSync(dirname(lock), { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      const release = () => rmSync(lock, { recursive: true, force: true });
      process.once("exit", release);
      return release;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    // An install never takes ten minutes, so the process that created the lock must have been killed.
    if (age > 600_000) rmSync(lock, { recursive: true, force: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function fail(words) {
  console.error(words);
  process.exit(1);
}
