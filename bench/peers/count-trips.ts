import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What a service connects to. */
export type Urls = { DATABASE_URL: string; REDIS_URL: string };

/** Round trips of one service, since it started. */
export interface Trips {
  /** Answers of Postgres that end with its readiness for the next statement, of which each statement has one. */
  postgres: number;
  /** How often the service wrote to Redis after Redis had answered it, on any of its connections: a pipeline is one. */
  redis: number;
}

/** Puts a proxy between each service and its stores. */
export function countTrips() {
  const counts = new Map<string, Trips>();
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  async function proxy(target: string, follow: (near: Socket, far: Socket) => void): Promise<string> {
    const { hostname, port } = new URL(target);
    const server = createServer((near) => {
      const far = connect(Number(port), hostname);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.setNoDelay(true).on("error", () => {});
        one.on("close", () => sockets.delete(one) && other.destroy());
      }
      follow(near, far);
      near.pipe(far).pipe(near);
    });
    servers.push(server.listen(0, "127.0.0.1"));
    await once(server, "listening");
    const url = new URL(target);
    url.port = String((server.address() as AddressInfo).port);
    return url.href;
  }

  return {
    counts,
    async route(service: string, urls: Urls): Promise<Urls> {
      const trips: Trips = { postgres: 0, redis: 0 };
      counts.set(service, trips);
      return {
        DATABASE_URL: await proxy(urls.DATABASE_URL, (_near, far) => {
          const readReady = countReady();
          far.on("data", (bytes: Buffer) => {
            trips.postgres += readReady(bytes);
          });
        }),
        REDIS_URL: await proxy(urls.REDIS_URL, (near, far) => {
          let isAnswered = true;
          near.on("data", () => {
            if (isAnswered) trips.redis += 1;
            isAnswered = false;
          });
          far.on("data", () => {
            isAnswered = true;
          });
        }),
      };
    },
    close() {
      for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    },
  };
}

/** Counts ReadyForQuery in one connection's answers. https://www.postgresql.org/docs/current/protocol-message-formats.html */
function countReady(): (bytes: Buffer) => number {
  let rest: Buffer = Buffer.alloc(0);
  // The answer to the question for TLS is one byte.
  let toSkip = 1;
  return (bytes) => {
    let count = 0;
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const skipped = Math.min(toSkip, rest.length);
      toSkip -= skipped;
      rest = rest.subarray(skipped);
      if (toSkip > 0 || rest.length < 5) return count;
      if (rest[0] === "Z".charCodeAt(0)) count++;
      toSkip = 1 + rest.readInt32BE(1);
    }
  };
}
