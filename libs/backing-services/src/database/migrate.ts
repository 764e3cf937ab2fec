import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { resolveBinary } from "dbmate";
import postgres from "postgres";
import { repositoryRoot } from "../files/repository-root.ts";
import { plainEnvironment } from "../process/spawn-server.ts";
import type { Log } from "../server.ts";

/** Key of the advisory lock that all migrations of BooCode take. */
const migrationLock = 7_266_263;

/** How long a server may take from its start until it accepts connections. */
const startupMs = 30_000;

/**
 * Migrates a database with the SQL files of `migrations/`; creates it first if it is missing. Concurrent calls run one after
 * the other.
 * @throws with dbmate's error, without the password
 */
export async function migrate(databaseUrl: string, options: { log?: Log; folder?: string } = {}): Promise<void> {
  const folder = options.folder ?? join(repositoryRoot, "migrations");
  const files = await readdir(folder).catch(() => [] as string[]);
  if (!files.some((name) => name.endsWith(".sql"))) return;
  const sql = await connect(databaseUrl, folder);
  try {
    // dbmate takes no lock, and two concurrent runs would apply the same file twice.
    await sql`select pg_advisory_lock(${migrationLock})`;
    const output = await dbmate(databaseUrl, folder, "up");
    for (const line of output.split("\n")) if (line.trim()) options.log?.(line);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function connect(databaseUrl: string, folder: string): Promise<postgres.Sql> {
  const deadline = Date.now() + startupMs;
  for (;;) {
    const sql = postgres(databaseUrl, { max: 1, connect_timeout: 10, fetch_types: false, onnotice: () => {} });
    try {
      await sql`select 1`;
      return sql;
    } catch (error) {
      await sql.end({ timeout: 1 });
      const code = (error as { code?: string }).code ?? "";
      // 3D000: no such database. Another process may create it at the same moment, so only the next connect decides.
      if (code === "3D000") await dbmate(databaseUrl, folder, "create").catch(() => {});
      // 57P03: starting up, or shutting down before a restart.
      else if (!["ECONNREFUSED", "ECONNRESET", "CONNECTION_CLOSED", "57P03"].includes(code)) throw error;
      if (Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

/** Runs dbmate's binary. The URL is passed in the environment, because arguments are visible to every user of the machine. */
function dbmate(databaseUrl: string, folder: string, command: "up" | "create"): Promise<string> {
  const url = withoutTlsOnLoopback(databaseUrl);
  const args = ["--migrations-dir", folder, "--no-dump-schema", command];
  return new Promise((resolve, reject) => {
    const child = spawn(resolveBinary(), args, {
      env: { ...plainEnvironment(), DATABASE_URL: url },
      // Not the checkout, where dbmate would read the .env file.
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => {
      const safe = withoutPassword(output, url);
      if (code === 0) resolve(safe);
      else reject(new Error(`dbmate ${command} failed: ${safe.trim() || `exit code ${code}`}${tlsHint(safe)}`));
    });
  });
}

/** dbmate requires TLS by default, which a local server rarely offers. */
export function withoutTlsOnLoopback(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  const loopback = url.hostname === "localhost" || url.hostname === "[::1]" || /^127\./.test(url.hostname);
  if (loopback && !url.searchParams.has("sslmode")) url.searchParams.set("sslmode", "disable");
  return url.href;
}

function tlsHint(output: string): string {
  return output.includes("SSL is not enabled")
    ? " (add ?sslmode=disable to DATABASE_URL if the network to it is private)"
    : "";
}

/** Hides the password, both URL-encoded and decoded. */
export function withoutPassword(text: string, databaseUrl: string): string {
  const written = new URL(databaseUrl).password;
  return [written, decodeURIComponent(written)]
    .filter(Boolean)
    .reduce((safe, secret) => safe.replaceAll(secret, "***"), text);
}
