import { connect, isIP, Socket, type SocketConnectOpts } from "node:net";
import { connect as connectTls } from "node:tls";
import { createFatalReader } from "./read-fatal.ts";

/** How a connection is secured: `any` takes every certificate, `verified` only one that is good for the host. */
export type Security = "none" | "if_offered" | "any" | "verified";

/**
 * A connection for the Postgres client that is given up when it owes an answer for too long, and that is lost in one step. TLS is
 * done here and not by the client, which would take a socket of its own for it.
 * @param silenceMs from a write to the next byte that comes in
 * @returns a socket in any case: the client does not survive the failure of this function, only that of a socket
 */
export async function openPostgresSocket(
  place: SocketConnectOpts,
  security: Security,
  silenceMs: number,
): Promise<Socket> {
  const plain = connect(place);
  const host = "host" in place ? (place.host ?? "localhost") : "localhost";
  const socket =
    security === "none" ? plain : await secure(plain, host, security, silenceMs).catch((error) => failing(error));
  giveUpInSilence(socket, silenceMs);
  loseInOneStep(socket);
  return socket;
}

/** PostgreSQL's protocol, "SSLRequest": eight bytes, which the server answers with one. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

function secure(plain: Socket, host: string, security: Security, silenceMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const late = () => plain.destroy(Object.assign(new Error("the database is silent"), { code: "ETIMEDOUT" }));
    const timer = setTimeout(late, silenceMs);
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    const lost = () => fail(Object.assign(new Error("the database hung up"), { code: "CONNECTION_CLOSED" }));
    const settle = (socket: Socket) => {
      clearTimeout(timer);
      socket.off("error", fail).off("close", lost);
      resolve(socket);
    };
    plain.on("error", fail).on("close", lost);
    plain.once("data", (answer) => {
      if (answer[0] === 0x53) {
        const servername = isIP(host) ? {} : { servername: host };
        const above = connectTls({ socket: plain, host, ...servername, rejectUnauthorized: security === "verified" });
        above.on("error", fail).on("close", lost);
        above.once("secureConnect", () => settle(above));
      } else if (security === "if_offered") settle(plain);
      else plain.destroy(new Error("the database does not offer TLS, which DATABASE_URL asks for"));
    });
    plain.write(SSL_REQUEST);
  });
}

/** A socket that fails when it is first written to: until then the client has not come to hear of it. */
function failing(error: Error): Socket {
  const socket = new Socket();
  socket.write = () => {
    socket.destroy(error);
    return false;
  };
  return socket;
}

/**
 * The client has no time limit of its own: a query on a connection that a network swallowed would wait for ever and keep its
 * place in the pool. The server ends any statement after its `statement_timeout`, so that an answer which is later than that
 * can only be lost.
 */
function giveUpInSilence(socket: Socket, silenceMs: number): void {
  const write = socket.write.bind(socket) as Socket["write"];
  let timer: NodeJS.Timeout | undefined;
  const answered = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  socket.write = ((...args: Parameters<Socket["write"]>) => {
    timer ??= setTimeout(() => socket.destroy(), silenceMs);
    return write(...args);
  }) as Socket["write"];
  socket.on("data", answered);
  socket.on("close", answered);
}

/**
 * Node tells of an error first and of the end of the socket later, when it closes handles. In between the client (postgres 3.4.9)
 * fails the queries that wait, but goes on taking new ones, and does not fail those when the end comes with an error: an idle
 * connection's query is answered with no rows once the connection is back, and one that stood in line is then taken for the
 * receiver of another query's answer. Here the error comes together with the end, and nothing is taken in between.
 * A server's last words are such an error too. The client would keep them, when they end a query, for the first query after it has
 * connected again, whenever that is.
 */
function loseInOneStep(socket: Socket): void {
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean;
  let failure: unknown;
  const readFatal = createFatalReader();
  socket.emit = (event: string, ...args: unknown[]) => {
    if (event === "data") return hear(args[0] as Buffer);
    if (event === "error") {
      failure ??= args[0];
      return true;
    }
    if (event !== "close") return emit(event, ...args);
    if (failure !== undefined) emit("error", failure);
    return emit("close", false);
  };

  function hear(piece: Buffer): boolean {
    const fatal = failure === undefined ? readFatal(piece) : null;
    if (!fatal) return emit("data", piece);
    if (fatal.at > 0) emit("data", piece.subarray(0, fatal.at));
    socket.destroy(fatal.error);
    return true;
  }
}
