import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A round trip of a service to Postgres. */
export interface RoundTrip {
  /** The name with which the service connected (`application_name`). */
  by: string;
  /** The statement, with its white space collapsed. */
  statement: string;
}

/** Records every round trip on its way to a Postgres. */
export interface PostgresTap {
  url: string;
  /** All round trips so far, in order. */
  trips: RoundTrip[];
  close(): Promise<void>;
}

/** @param url without TLS */
export async function tapPostgres(url: string): Promise<PostgresTap> {
  const { hostname: host, port } = new URL(url);
  const trips: RoundTrip[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host, port: Number(port) });
    const read = readRoundTrips((trip) => trips.push(trip));
    near.on("data", read).pipe(far);
    far.pipe(near);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const tapped = new URL(url);
  tapped.hostname = "127.0.0.1";
  tapped.port = String((server.address() as AddressInfo).port);
  return {
    url: tapped.href,
    trips,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const TLS_REQUEST = 80_877_103;

/**
 * Reads what a client sends: a Sync or a simple query is one round trip. A statement's first execution on a connection may take
 * another, which is not counted.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
function readRoundTrips(onTrip: (trip: RoundTrip) => void): (chunk: Buffer) => void {
  const statements = new Map<string, string>();
  let rest: Buffer = Buffer.alloc(0);
  let by: string | null = null;
  let statement = "";

  const end = () => onTrip({ by: by ?? "", statement: statement.replaceAll(/\s+/g, " ").trim() });
  function take(type: string, body: Buffer): void {
    const [first = "", second = ""] = body.toString("utf8").split("\0");
    switch (type) {
      // Parse: the names of the prepared statement and its text.
      case "P":
        statement = second;
        statements.set(first, second);
        break;
      // Bind: the names of the portal and of the prepared statement.
      case "B":
        statement = statements.get(second) ?? statement;
        break;
      case "Q":
        statement = first;
        end();
        break;
      case "S":
        end();
    }
  }

  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      // The first message has no type.
      const at = by === null ? 0 : 1;
      if (rest.length < at + 4) return;
      const end = at + rest.readInt32BE(at);
      if (rest.length < end) return;
      const body = rest.subarray(at + 4, end);
      if (by !== null) take(String.fromCharCode(rest[0] as number), body);
      // Before it, a client may ask for TLS, which the server refuses.
      else if (body.readInt32BE(0) !== TLS_REQUEST)
        by = /application_name\0([^\0]*)/.exec(body.toString("utf8"))?.[1] ?? "";
      rest = rest.subarray(end);
    }
  };
}
