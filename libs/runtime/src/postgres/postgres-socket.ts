import { connect, isIP, Socket, type SocketConnectOpts } from "node:net";
import { connect as connectTls } from "node:tls";
import { createServerReader } from "./read-server-messages.ts";

/** The security of a connection. `any` accepts every certificate, `verified` only one that is valid for the host. */
export type Security = "none" | "if_offered" | "any" | "verified";

/**
 * Opens a socket for the Postgres client. The socket is destroyed when the server stays silent for too long, and fails in one
 * step (see `loseInOneStep`). TLS is done here, because the client would replace the socket with one of its own.
 * @param silenceMs the longest time from a write to the next byte received
 * @returns a socket even after a failure: the client survives a socket that fails, but not a rejection of this function
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

/** The PostgreSQL protocol's SSLRequest: eight bytes, answered with one. */
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

/** A socket that fails at its first write, because the client does not listen for errors before that. */
function failing(error: Error): Socket {
  const socket = new Socket();
  socket.write = () => {
    socket.destroy(error);
    return false;
  };
  return socket;
}

/**
 * The client has no time-out: a query on a connection that the network swallowed would wait for ever and keep its place in
 * the pool. The server ends every statement after its `statement_timeout`, so an answer that is still missing then is lost.
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
 * Node emits a socket's error first and its close later. In between, the client (postgres 3.4.9) fails the waiting queries but
 * accepts new ones, which the close does not fail if it follows an error: a query on an idle connection resolves with no rows
 * after the reconnect, and a queued one receives another query's answer. Here the error and the close are emitted together, so
 * that no query is accepted in between.
 * A server error that ends the connection is treated like an error of the socket. See `createServerReader`.
 */
function loseInOneStep(socket: Socket): void {
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean;
  let failure: unknown;
  const read = createServerReader();
  socket.emit = (event: string, ...args: unknown[]) => {
    if (event === "data") return onData(args[0] as Buffer);
    if (event === "error") {
      failure ??= args[0];
      return true;
    }
    if (event !== "close") return emit(event, ...args);
    if (failure !== undefined) emit("error", failure);
    return emit("close", false);
  };

  function onData(piece: Buffer): boolean {
    if (failure !== undefined) return emit("data", piece);
    const { pass, end } = read(piece);
    for (const part of pass) emit("data", part);
    if (end) socket.destroy(end);
    return true;
  }
}
