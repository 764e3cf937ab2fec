import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A load balancer: one address for several servers. Each connection goes to the first server that accepts it. */
export async function balance(urls: string[]): Promise<{ url: string; close(): Promise<void> }> {
  const ports = urls.map((url) => Number(new URL(url).port));
  const open = new Set<Socket>();

  const server = createServer((near) => {
    open.add(near);
    near.on("close", () => open.delete(near)).on("error", () => {});
    const left = [...ports];
    const tryNext = () => {
      const port = left.shift();
      if (port === undefined) return void near.destroy();
      const far = connect(port, "127.0.0.1");
      far.once("error", tryNext);
      far.once("connect", () => {
        far.off("error", tryNext).on("error", () => {});
        far.on("close", () => near.destroy());
        near.on("close", () => far.destroy());
        near.pipe(far).pipe(near);
      });
    };
    tryNext();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
