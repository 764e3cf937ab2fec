import type { Log, Server } from "./server.ts";

/**
 * Tries the sources of a server in order, and takes the first that gives one.
 * @throws an error that lists what was tried, and says what to do
 */
export async function trySources<Source extends string>(options: {
  name: string;
  order: readonly Source[];
  /** @returns the server, or the reason why this source has none */
  start(source: Source): Promise<Server | string>;
  /** Whether the search ends when this source's server fails to start, because another source would have other data. */
  isFinal(source: Source): boolean;
  advice: string;
  log?: Log | undefined;
}): Promise<Server> {
  const failures: string[] = [];
  for (const source of options.order) {
    try {
      const server = await options.start(source);
      if (typeof server !== "string") return server;
      failures.push(`${source}: ${server}`);
    } catch (error) {
      if (options.isFinal(source)) throw error;
      const { message } = error as Error;
      failures.push(`${source}: ${message}`);
      options.log?.(`${options.name} (${source}) did not start, trying the next: ${message}`);
    }
  }
  const tried = failures.map((line) => `  - ${line}`).join("\n");
  throw new Error(`No ${options.name} could be found or started.\n${tried}\n${options.advice}`);
}
