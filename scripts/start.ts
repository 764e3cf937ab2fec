import { execFile } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { migrate, repositoryRoot, startBackingServices } from "@boocode/backing-services";
import { type ServiceProcess, startService } from "@boocode/local-stack";
import { readServerUrl } from "@boocode/model-servers";
import { databaseUrls } from "./start/database-urls.ts";
import { investigate } from "./start/investigate.ts";
import { localUser } from "./start/local-user.ts";
import { namedFolders } from "./start/named-folders.ts";
import { printWelcome } from "./start/print-welcome.ts";
import { readOptions } from "./start/read-options.ts";

/**
 * Starts everything on this machine: Postgres, Redis, the migrated database, a user with a token, and the three services as
 * separate processes. Ctrl-C stops all of it.
 */
const dataDir = resolve(repositoryRoot, process.env.DATA_DIR ?? ".data");
mkdirSync(dataDir, { recursive: true });
const logFile = resolve(dataDir, "boocode.log");
const log = createWriteStream(logFile, { flags: "a" });
const say = (line: string) => console.log(line);

const releases: (() => Promise<unknown>)[] = [];
let stopping: Promise<void> | null = null;
function stop(exitCode: number): Promise<void> {
  stopping ??= (async () => {
    for (let release = releases.pop(); release; release = releases.pop()) {
      await release().catch((error: unknown) => say(`stopping: ${(error as Error).message}`));
    }
    process.exit(exitCode);
  })();
  return stopping;
}
// `disconnect`: the parent was killed. `SIGHUP`: the terminal was closed, so nobody reads the output.
for (const end of ["SIGINT", "SIGTERM", "SIGHUP", "disconnect"] as const) {
  process.on(end, () => {
    if (!stopping) say("\nStopping …");
    void stop(0);
  });
}
process.stdout.on("error", () => {});

async function service(name: string, env: Record<string, string | undefined>): Promise<ServiceProcess> {
  const started = await startService(name, {
    env,
    onLine: (line) => log.write(`${line}\n`),
    onSpawn: (child) =>
      releases.push(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGTERM");
        await once(child, "exit");
      }),
  });
  void started.exited.then((how) => {
    if (stopping) return;
    say(`${name} ended (${how}); see ${logFile}`);
    void stop(1);
  });
  return started;
}

/** Makes the services' bundles. Nothing is built for wrong options, and the databases start meanwhile. */
async function build(): Promise<void> {
  await promisify(execFile)(process.execPath, [resolve(repositoryRoot, "scripts/build.mjs")]);
}

async function main(): Promise<void> {
  const { project, question } = readOptions(process.argv.slice(2));
  const built = build();
  // It is awaited below.
  built.catch(() => {});
  const backing = await startBackingServices({ dataDir, keep: true, log: say });
  releases.push(() => backing.stop());
  const { owner, services } = databaseUrls(backing.databaseUrl);
  await migrate(owner, { services, log: (line) => void log.write(`${line}\n`) });
  if (!process.env.DATABASE_URL) publishDatabaseUrl(services);
  const roots = (process.env.PROJECT_ROOTS ?? "").split(":").filter(Boolean);
  const named = project ? [...roots, project] : roots;
  const folders = namedFolders({ named, checkout: repositoryRoot, home: homedir() });
  const token = await localUser(services, dataDir, folders);

  await built;
  const isModelNamed = ["LLAMA_SWAP_URL", "MODEL_SERVERS"].some(
    (name) => process.env[name] || process.env[`${name}_FILE`],
  );
  const ownModel = isModelNamed ? null : (await service("scripted-model", { PORT: "0" })).url;
  const common = {
    // All settings of .env.example, and the keys that MODEL_SERVERS references; only the services know their names.
    ...process.env,
    MIGRATION_DATABASE_URL: undefined,
    DATABASE_URL: services,
    REDIS_URL: backing.redisUrl,
    ...(ownModel && { LLAMA_SWAP_URL: ownModel }),
    // Without a setting, this machine's user, who is the administrator, may grant every folder.
    PROJECT_ROOTS: roots.length > 0 ? [...roots, ...folders].join(":") : "/",
    DATA_DIR: dataDir,
  };
  const [api, gateway] = await Promise.all([
    service("api", { ...common, PORT: process.env.API_PORT || "0" }),
    service("gateway", { ...common, PORT: process.env.GATEWAY_PORT || "0" }),
    service("worker", { ...common, PORT: process.env.WORKER_PORT || "0" }),
  ]);
  printWelcome(say, {
    api: api.url,
    gateway: gateway.url,
    token,
    logFile,
    folders,
    how: backing.how,
    model: ownModel ?? (process.env.LLAMA_SWAP_URL ? readServerUrl(process.env.LLAMA_SWAP_URL).url : "as you set it"),
  });
  if (project) await investigate(say, { api: api.url, gateway: gateway.url, token, project, question });
}

/** Saves the URL for `npm run admin`, which cannot know the password of a database that was created here. */
function publishDatabaseUrl(databaseUrl: string): void {
  const file = resolve(dataDir, "database-url");
  writeFileSync(file, databaseUrl, { mode: 0o600 });
  releases.push(async () => rmSync(file, { force: true }));
}

main().catch((error: unknown) => {
  console.error(`npm start: ${(error as Error).message}`);
  void stop(1);
});
