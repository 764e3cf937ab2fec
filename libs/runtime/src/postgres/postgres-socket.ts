import { readFileSync } from "node:fs";
import { connect, isIP, Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { PostgresAddress } from "./parse-connection-string.ts";
import type { PostgresTls } from "./postgres-target.ts";
import { createServerReader } from "./read-server-messages.ts";

/**
 * Opens a socket for the Postgres client. The socket is destroyed when the server stays silent for too long, and fails in one
 * step (see `loseInOneStep`). TLS is handled here, because the client would replace the socket with one of its own, and supports
 * neither several hosts nor a file of certificate authorities.
 * @param addresses tried in this order
 * @param connectMs time limit for each address, and for TLS
 * @param silenceMs time limit from a write to the next byte received; 0: none
 * @returns a socket, and how many addresses failed before it. After a failure of all the socket fails at its first write: the
 *   client survives that, but not a rejection of this function
 */
export async function openPostgresSocket(
  addresses: readonly PostgresAddress[],
  tls: PostgresTls,
  times: { connectMs: number; silenceMs: number },
): Promise<{ socket: Socket; tried: number }> {
  let socket: Socket | undefined;
  let failure: unknown;
  let tried = -1;
  for (const address of addresses) {
    tried++;
    try {
      // The client's errors name the socket's host and port.
      socket = Object.assign(await open(address, tls, times.connectMs), { host: address.host, port: address.port });
      break;
    } catch (error) {
      failure = error;
    }
  }
  socket ??= failing(failure as Error);
  if (times.silenceMs > 0) giveUpInSilence(socket, times.silenceMs);
  loseInOneStep(socket);
  return { socket, tried };
}

async function open(address: PostgresAddress, tls: PostgresTls, ms: number): Promise<Socket> {
  if (address.host.startsWith("/"))
    return await within(ms, connect(`${address.host}/.s.PGSQL.${address.port}`), "connect");
  const plain = () => within(ms, connect({ host: address.hostaddr ?? address.host, port: address.port }), "connect");
  if (tls.mode === "disable") return await plain();
  const options = tlsOptions(address.host, tls);
  const socket = await plain();
  if (tls.isDirect || (await offersTls(socket, ms))) {
    const secured = within(ms, connectTls({ socket, ...options }), "secureConnect");
    return await secured.catch((error: { code?: string }) => {
      if (tls.mode !== "prefer" || error.code === "ETIMEDOUT") throw error;
      return plain();
    });
  }
  if (tls.mode === "prefer") return socket;
  socket.destroy();
  throw new Error("the database does not offer TLS, which DATABASE_URL asks for");
}

function tlsOptions(host: string, tls: PostgresTls): ConnectionOptions {
  const { rootCert, cert, key, revoked, keyPassword, minVersion, maxVersion } = tls;
  return {
    host,
    ...(!isIP(host) && tls.sendsName && { servername: host }),
    rejectUnauthorized: tls.mode === "verify-ca" || tls.mode === "verify-full",
    ...(tls.mode === "verify-ca" && { checkServerIdentity: () => undefined }),
    ...(rootCert && { ca: read("sslrootcert", rootCert) }),
    ...(cert && key && { cert: read("sslcert", cert), key: read("sslkey", key) }),
    ...(revoked && { crl: read("sslcrl", revoked) }),
    ...(keyPassword && { passphrase: keyPassword }),
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(tls.isDirect && { ALPNProtocols: ["postgresql"] }),
  };
}

function read(parameter: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    // Without the code of the system error, with which the connect would be retried.
    throw new Error(`the file of ${parameter} in DATABASE_URL cannot be read: ${path}`, { cause });
  }
}

/** Waits until the socket is ready. @throws what went wrong; the socket is destroyed then */
function within<S extends Socket>(ms: number, socket: S, event: "connect" | "secureConnect" | "data"): Promise<S> {
  return new Promise((resolve, reject) => {
    const late = Object.assign(new Error("the database is silent"), { code: "ETIMEDOUT" });
    const timer = setTimeout(() => socket.destroy(late), ms);
    const closed = () => fail(Object.assign(new Error("the database hung up"), { code: "CONNECTION_CLOSED" }));
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    // The error listener stays, because nothing else listens to a socket beneath TLS.
    socket.on("error", fail).on("close", closed);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off("close", closed);
      resolve(socket);
    });
  });
}

/** The PostgreSQL protocol's SSLRequest: eight bytes, answered with one. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const [YES, NO] = [0x53, 0x4e];

async function offersTls(socket: Socket, ms: number): Promise<boolean> {
  let answer = Buffer.alloc(0);
  socket.once("data", (bytes) => {
    answer = bytes;
  });
  socket.write(SSL_REQUEST);
  await within(ms, socket, "data");
  // Further bytes would be plain text that an attacker injected before the encryption (CVE-2021-23222).
  if (answer.length === 1 && (answer[0] === YES || answer[0] === NO)) return answer[0] === YES;
  socket.destroy();
  throw Object.assign(new Error("the server's reply to SSLRequest is not that of PostgreSQL"), { code: "EPROTO" });
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
