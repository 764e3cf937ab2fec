import { createServer } from "node:net";

/**
 * A port of 127.0.0.1 that was free a moment ago: `preferred` if possible. Another program may take it before the
 * server binds it, so who starts a server must be ready to try once more.
 */
export async function freePort(preferred?: number): Promise<number> {
  return (preferred ? await tryPort(preferred) : undefined) ?? (await tryPort(0))!;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => (port === 0 ? reject(error) : resolve(undefined)));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
