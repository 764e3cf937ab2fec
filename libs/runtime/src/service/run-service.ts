import type { z } from "zod";
import { losesConnection } from "../postgres/loses-connection.ts";
import { createDependencies, type Dependencies } from "./dependencies.ts";
import { type ArmedFailpoint, createFailpoints, type Failpoint } from "./failpoints.ts";
import type { DependencyName } from "./failure-reason.ts";
import { InvalidConfig, loadConfig } from "./load-config.ts";
import { createLogger, endLog, type Logger } from "./logger.ts";
import { checkOpenFiles } from "./open-files.ts";
import { createReleaser, type Releaser } from "./shutdown.ts";
import { startWatchdog } from "./watchdog.ts";

/** The settings that every service needs: those of `commonEnv`, and the grace period. */
export interface ServiceConfig {
  LOG_LEVEL: string;
  FAULT_POINTS: readonly ArmedFailpoint[];
  /** Deadline for all releases together; after it the process exits regardless. */
  SHUTDOWN_GRACE_MS: number;
  /** An event loop that is blocked for this long ends the process; 0: never. */
  WATCHDOG_MS: number;
}

export interface Service<C extends ServiceConfig> {
  /** Names the process in logs, metrics and `pg_stat_activity`. */
  name: string;
  config: z.ZodType<C>;
  /** Fields of every log line, besides the name and the pid. */
  logFields?(config: C): Record<string, unknown>;
  /** How many files and sockets the process may need at once. */
  openFiles(config: C): number;
  /** Connects the parts and starts them. */
  start(context: ServiceContext<C>): Promise<void>;
}

export interface ServiceContext<C> {
  name: string;
  config: C;
  log: Logger;
  failpoint: Failpoint;
  /**
   * For failures that the service survives. @returns a function that logs an error as "`what` failed", or, when a dependency
   * failed, the change of its state
   * @param dependency the one that always causes these failures; default: see `Dependencies.report`
   */
  logFailure(what: string, dependency?: DependencyName): (err: unknown) => void;
  dependencies: Dependencies;
  onRelease: Releaser["onRelease"];
  /** Stops the process as SIGTERM would, because its work is done. */
  stop(reason: string): void;
}

const ASKS_FOR_TYPES = /from pg_catalog\.pg_type/;

/**
 * Runs a process: reads the environment, starts, stops on SIGTERM or SIGINT with releases in reverse order, and exits with 0.
 * An invalid environment prints every mistake and exits with 1. An uncaught error is logged and exits with 1, because a
 * process in an unknown state must not hold leases. The watchdog ends a process with a blocked event loop.
 */
export function runService<C extends ServiceConfig>(service: Service<C>): void {
  const config = readConfig(service.config);
  const fields = service.logFields?.(config) ?? {};
  const log = createLogger(service.name, config.LOG_LEVEL).child(fields);
  startWatchdog(config.WATCHDOG_MS, log, { service: service.name, ...fields });
  checkOpenFiles(service.openFiles(config), log);
  const graceMs = config.SHUTDOWN_GRACE_MS;
  const releaser = createReleaser(log, graceMs);
  const dependencies = createDependencies(log);
  releaser.onRelease("dependencies", dependencies.stop);
  let stopping = false;

  async function stop(reason: string, exitCode: number): Promise<void> {
    if (stopping) return;
    stopping = true;
    // Set first, so that the process exits whatever fails below.
    setTimeout(() => {
      log.fatal("the grace period is over; exiting");
      void exit(exitCode || 1);
    }, graceMs).unref();
    log.info({ reason }, "stopping");
    await releaser.release();
    log.info("stopped");
    await exit(exitCode);
  }

  // The reader of the log may be gone; the service continues without it.
  process.stdout.on("error", () => {});
  process.on("SIGTERM", () => void stop("SIGTERM", 0));
  process.on("SIGINT", () => void stop("SIGINT", 0));
  process.on("uncaughtException", (err) => {
    log.fatal({ err }, "uncaught error");
    void stop("uncaught error", 1);
  });
  process.on("unhandledRejection", (err) => {
    // On every new connection, the Postgres client (3.4.9) queries the array types with a promise that nobody handles. If the
    // connection is lost at that moment, the caller's own promise reports the loss, and this rejection is harmless.
    if (losesConnection(err) && ASKS_FOR_TYPES.test(String((err as { query?: unknown }).query))) {
      log.warn({ err }, "a database connection was lost while it was being opened");
      return;
    }
    log.fatal({ err }, "unhandled rejection");
    void stop("unhandled rejection", 1);
  });
  const context: ServiceContext<C> = {
    name: service.name,
    config,
    log,
    failpoint: createFailpoints(config.FAULT_POINTS),
    logFailure: (what, dependency) => (err) => {
      if (!dependencies.report(err, dependency)) log.warn({ err }, `${what} failed`);
    },
    dependencies,
    onRelease: releaser.onRelease,
    stop: (reason) => void stop(reason, 0),
  };
  service.start(context).catch((err: unknown) => {
    log.fatal({ err }, "could not start");
    void stop("failed start", 1);
  });
}

function readConfig<C>(schema: z.ZodType<C>): C {
  try {
    return loadConfig(schema, process.env);
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** A reader that takes nothing for this long does not get the last lines. */
const LOG_STALL_MS = 500;

async function exit(code: number): Promise<void> {
  process.exitCode = code;
  await endLog(LOG_STALL_MS);
  process.exit(code);
}
