import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServiceContext } from "./run-service.ts";

/**
 * Listens on `HOST` and `PORT` and registers the release. The log line "listening" carries the URL, which shows the port when
 * `PORT` is 0.
 * @param close called on release
 */
export async function serveHttp(
  { config, log, onRelease }: ServiceContext<{ HOST: string; PORT: number }>,
  server: Server,
  close: () => unknown,
): Promise<void> {
  log.info({ url: await listen(server, config.HOST, config.PORT) }, "listening");
  onRelease("http", close);
}

/** @param port 0: the system chooses a free port. @returns the server's URL */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { address, family, port: chosen } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${chosen}`;
}
