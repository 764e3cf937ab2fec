import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";

export const tlsFile = (name: string) => fileURLToPath(new URL(`./tls/${name}.pem`, import.meta.url));
const pem = (name: string) => readFileSync(tlsFile(name));

const words = Buffer.from("SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0");
/** PostgreSQL's protocol, "ErrorResponse": the length includes itself but not the letter before it. */
const STARTING = Buffer.concat([Buffer.from("E"), Buffer.from([0, 0, 0, words.length + 4]), words]);

export interface Network {
  url: string;
  /** Resets every connection, as a router that has forgotten them would. */
  reset(): void;
  /** Whether a socket is one of the network's own ends. */
  owns(socket: Socket): boolean;
  close(): Promise<void>;
}

/**
 * A proxy in front of a Postgres. It can reset its connections, and offers TLS, with a self-signed certificate, to clients that
 * ask for it.
 * @param options `refuses`: this many connections first get the error of a server that is starting; `signed`: has a
 *   certificate for `localhost` that the authority in `ca.pem` signed, and demands one of the client; `path` or `port`:
 *   where it listens
 */
export async function networkBefore(
  target: string,
  options: { offersTls?: boolean; refuses?: number; signed?: boolean; path?: string; port?: number } = {},
): Promise<Network> {
  const identity = options.signed
    ? { key: pem("localhost-key"), cert: pem("localhost"), ca: pem("ca"), requestCert: true, rejectUnauthorized: true }
    : { key: pem("key"), cert: pem("cert") };
  const { hostname, port } = new URL(target);
  const pairs = new Map<Socket, Socket>();
  const sockets = new Set<Socket>();
  const own = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    return socket;
  };
  let refusals = options.refuses ?? 0;
  const server = createServer((near) => {
    if (refusals-- > 0) return void own(near).once("data", () => near.end(STARTING));
    own(near).once("data", (first) => {
      const far = own(connect({ host: hostname, port: Number(port) }));
      pairs.set(near, far);
      const asksForTls = first.length === 8 && first.readInt32BE(4) === 80_877_103;
      // The first byte of a TLS handshake.
      const isDirect = first[0] === 0x16;
      if (asksForTls) near.write(options.offersTls === false ? "N" : "S");
      else if (isDirect) near.pause().unshift(first);
      else far.write(first);
      const secured = isDirect || (asksForTls && options.offersTls !== false);
      const settings = { isServer: true, ...identity, ...(isDirect && { ALPNProtocols: ["postgresql"] }) };
      const end = secured ? own(new TLSSocket(near, settings)) : near;
      end.pipe(far).pipe(end);
    });
  });
  const { path } = options;
  await new Promise<void>((resolve) =>
    server.listen(path ? { path } : { port: options.port ?? 0, host: "127.0.0.1" }, resolve),
  );
  const by = new URL(target);
  by.search = "";
  if (!path) by.port = String((server.address() as AddressInfo).port);
  const reset = () => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    pairs.clear();
  };
  return {
    url: by.href,
    reset,
    owns: (socket) => sockets.has(socket),
    async close() {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
