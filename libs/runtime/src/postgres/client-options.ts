import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type postgres from "postgres";
import { createBoundLogin, type Login } from "./channel-binding.ts";
import { openPostgresSocket } from "./postgres-socket.ts";
import type { PostgresTarget } from "./postgres-target.ts";
import { type NewSession, speakFirst } from "./speak-first.ts";

type ClientOptions = postgres.Options<Record<string, postgres.PostgresType>>;

/**
 * The options of the Postgres client for this target. They include everything that the client would read from a URL.
 * @param options `statementMs`: time limit of a statement; 0: none
 * @param prepare what to do with each new session before the client may use it
 */
export function clientOptions(
  target: PostgresTarget,
  options: { name: string; connections: number; statementMs: number },
  prepare: (session: NewSession) => Promise<void> = async () => {},
): ClientOptions {
  const { addresses, user, password, database, tls, applicationName, startupOptions } = target;
  const silenceMs = options.statementMs && options.statementMs + 1_000;
  const { host = "", port } = addresses[0] ?? {};
  /** Index of the address to try first: the last one that worked, or the next one if `prepare` rejected it. */
  let first = 0;
  const settings = {
    async socket() {
      const order = [...addresses.slice(first), ...addresses.slice(0, first)];
      const { socket, tried } = await openPostgresSocket(order, tls, { connectMs: target.connectTimeoutMs, silenceMs });
      first = (first + tried) % addresses.length;
      speakFirst(
        socket,
        (session) =>
          prepare(session).catch((error: unknown) => {
            first = (first + 1) % addresses.length;
            throw error;
          }),
        target.channelBinding === "require" ? loginOf(socket, password) : undefined,
      );
      return socket;
    },
    // Arrays, because the client would split strings. It uses them only in its error messages.
    ...{ host: [host], port: [port] },
    ...{ user, pass: password, database },
    // TLS, if any, is done in `openPostgresSocket`.
    ssl: false,
    max: options.connections,
    // With the default back-off, queries would wait for up to 40 s after the database is back.
    backoff: () => 0.1 + Math.random() * 0.2,
    connect_timeout: target.connectTimeoutMs / 1_000,
    keep_alive: target.keepAlive,
    // A BEGIN that fills a pipeline runs without a reserved connection and corrupts what follows (porsager/postgres issue
    // 1189). With this limit no pipeline fills.
    max_pipeline: Number.MAX_SAFE_INTEGER,
    onnotice: () => {},
    connection: {
      application_name: applicationName ?? options.name,
      ...(startupOptions && { options: startupOptions }),
    },
    types: {
      bigint: { to: 20, from: [20], serialize: String, parse: Number },
      timestamptz: {
        to: 1184,
        from: [1184],
        serialize: (value: string | Date) => (value instanceof Date ? value.toISOString() : value),
        parse: (text: string) => new Date(text).toISOString(),
      },
    },
  };
  // `max_pipeline` is documented, but missing from the library's types.
  return settings as unknown as ClientOptions;
}

function loginOf(socket: Socket, password: string | undefined): Login {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined;
  if (certificate) return createBoundLogin(password ?? process.env.PGPASSWORD ?? "", certificate);
  return () => Promise.reject(new Error("DATABASE_URL asks for channel_binding, which needs TLS"));
}
