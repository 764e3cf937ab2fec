import { unprivilegedUser } from "../process/system-user.ts";
import { type Durability, givenServer, type Log, type Server } from "../server.ts";
import { trySources } from "../try-sources.ts";
import { findEmbeddedPostgres } from "./embedded-postgres.ts";
import { findInstalledPostgres } from "./installed-postgres.ts";
import { startPostgresContainer } from "./postgres-container.ts";
import { runPostgres } from "./run-postgres.ts";

/** Where a Postgres may come from. */
export type PostgresSource = "given" | "installed" | "embedded" | "container";

export interface PostgresOptions {
  /** Where kept data lies, and where the folder of a throw-away server is made (default: the system's temporary folder). */
  dataDir?: string;
  /** Keep the data for the next start. False: a private server that ends and is removed with this process. */
  keep: boolean;
  /** Default `full` for kept data, `test` for thrown-away data. */
  durability?: Durability;
  /** What to try, in turn. Default: `DATABASE_URL`, an installed one, the one from npm, a container. */
  order?: readonly PostgresSource[];
  log?: Log;
}

/**
 * A Postgres to use: the one that `DATABASE_URL` names, or a private one that is started with what this machine has.
 * @throws an error that says what was tried and what to do
 */
export function startPostgres(options: PostgresOptions): Promise<Server> {
  return trySources({
    name: "Postgres",
    order: options.order ?? ["given", "installed", "embedded", "container"],
    start: (source) => startFrom(source, options),
    isFinal: (source) => options.keep && source !== "container",
    advice:
      "Set DATABASE_URL to one, or install one (`apt-get install postgresql`, `brew install postgresql`), or start Docker.",
    log: options.log,
  });
}

async function startFrom(source: PostgresSource, options: PostgresOptions): Promise<Server | string> {
  const { dataDir, keep } = options;
  const durability = options.durability ?? (keep ? "full" : "test");
  if (source === "given") {
    const url = process.env.DATABASE_URL;
    return url ? givenServer(url, "DATABASE_URL") : "DATABASE_URL is not set";
  }
  if (source === "container") return startPostgresContainer({ dataDir, keep });
  const user = unprivilegedUser();
  const binaries = source === "installed" ? await findInstalledPostgres(user) : await findEmbeddedPostgres(user);
  if (binaries) return runPostgres({ binaries, user, dataDir, keep, durability });
  return source === "installed"
    ? "no working initdb and postgres (14 or newer) on the PATH or in the usual folders"
    : `the package @embedded-postgres has no working binaries for ${process.platform}-${process.arch}`;
}
