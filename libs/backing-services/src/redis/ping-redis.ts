import { Redis } from "ioredis";

/** The URL of a private server. */
export function redisUrl(password: string, port: number): string {
  return `redis://:${password}@127.0.0.1:${port}`;
}

/**
 * Asks the server for its pid. Undefined when nobody listens, the password is not ours, or it is still loading its data.
 */
export async function pingRedis(password: string, port: number): Promise<number | undefined> {
  const client = new Redis(redisUrl(password, port), {
    lazyConnect: true,
    connectTimeout: 2000,
    commandTimeout: 2000,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.ping();
    return Number(/process_id:(\d+)/.exec(await client.info("server"))?.[1]);
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}
