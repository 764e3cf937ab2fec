import { unprivilegedUser } from "../process/system-user.ts";
import { type Durability, givenServer, type Log, type Server } from "../server.ts";
import { trySources } from "../try-sources.ts";
import { findEmbeddedPostgres } from "./embedded-postgres.ts";
import { findInstalledPostgres } from "./installed-postgres.ts";
import { startPostgresContainer } from "./postgres-container.ts";
import { runPostgres } from "./run-postgres.ts";

/** Sources of a Postgres. */
export type PostgresSource = "given" | "installed" | "embedded" | "container";

export interface PostgresOptions {
  /** The folder of kept data, or the parent of a throw-away server's folder (default: the system's temporary folder). */
  dataDir?: string;
  /** Keep the data for the next start. False: a private server that is stopped and removed with this process. */
  keep: boolean;
  /** Default `full` for kept data, `test` for thrown-away data. */
  durability?: Durability;
  /**
   * Sources in the order in which they are tried. Default: `DATABASE_URL`, an installed Postgres, the one from npm, a
   * container.
   */
  order?: readonly PostgresSource[];
  log?: Log;
}

/**
 * Provides a Postgres: the one of `DATABASE_URL`, or a private one from what this machine has.
 * @throws an error that lists what was tried and says what to do
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
