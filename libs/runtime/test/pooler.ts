import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import postgres from "postgres";

export interface Pooler {
  url: string;
  /** The statements of the clients. */
  statements: string[];
  /** How many clients have logged in. */
  clients(): number;
  close(): Promise<void>;
}

/** What PgBouncer accepts in a startup message unless `ignore_startup_parameters` names more. */
const ACCEPTED = new Set(
  "user database client_encoding datestyle timezone standard_conforming_strings application_name".split(" "),
);
const SSL_REQUEST = 80_877_103;

const message = (type: string, ...parts: (string | Buffer)[]) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};
const READY = message("Z", "I");
/** Not the process id of a server: poolers send cancel keys of their own. */
const WELCOME = Buffer.concat([
  message("R", Buffer.alloc(4)),
  message("K", Buffer.from("7fffffff00000001", "hex")),
  READY,
]);
const fatal = (text: string) => message("E", `SFATAL\0VFATAL\0C08P01\0M${text}\0\0`);

/**
 * A connection pooler that treats clients as PgBouncer does: it refuses unknown startup parameters, and gives a client a server
 * for its whole session, or, in transaction mode, from each query until the server is idle again.
 * @param options `servers`: number of connections to the database; `order`: which idle one is used next
 */
export async function startPooler(
  target: string,
  options: { mode: "session" | "transaction"; servers: number; order?: "last" | "round robin" },
): Promise<Pooler> {
  const all = await Promise.all(Array.from({ length: options.servers }, () => login(target)));
  const idle = [...all];
  const waiting: ((server: Socket) => void)[] = [];
  const statements: string[] = [];
  const sockets = new Set<Socket>(all);
  let clients = 0;

  const take = (): Promise<Socket> =>
    new Promise((resolve) => {
      const server = options.order === "round robin" ? idle.shift() : idle.pop();
      if (server) resolve(server);
      else waiting.push(resolve);
    });
  const release = (server: Socket) => {
    server.removeAllListeners("data");
    const next = waiting.shift();
    if (next) next(server);
    else idle.push(server);
  };

  async function serve(client: Socket): Promise<void> {
    const fromClient = messagesOf(client, { startsWithout: true });
    let linked: Promise<Socket> | undefined;
    let unanswered = 0;
    const link = async () => {
      const server = await take();
      const read = createSplitter();
      server.on("data", (bytes: Buffer) => {
        for (const answer of read(bytes)) {
          client.write(answer);
          if (answer.toString("latin1", 0, 1) !== "Z") continue;
          unanswered--;
          const isIdle = answer[5] === READY[5] && unanswered === 0;
          if (isIdle && options.mode === "transaction") {
            linked = undefined;
            release(server);
          }
        }
      });
      return server;
    };
    for await (const bytes of fromClient) {
      const type = bytes.toString("latin1", 0, 1);
      if (type === "X") break;
      if (type === "\0") {
        const refused = startup(bytes);
        if (refused === "tls") client.write("N");
        else if (refused) client.end(fatal(`unsupported startup parameter: ${refused}`));
        else {
          clients++;
          client.write(WELCOME);
        }
        continue;
      }
      if (type === "Q" || type === "P") statements.push(bytes.toString("utf8", 5));
      if (type === "Q" || type === "S") unanswered++;
      linked ??= link();
      (await linked).write(bytes);
    }
    client.destroy();
    const server = await linked;
    if (!server) return;
    server.removeAllListeners("data");
    // PgBouncer's `server_reset_query`.
    server.write(message("Q", "discard all\0"));
    server.on("data", (bytes: Buffer) => bytes.includes(READY) && release(server));
  }

  const listener = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {});
    void serve(client);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const url = new URL(target);
  url.port = String((listener.address() as AddressInfo).port);
  return {
    url: url.href,
    statements,
    clients: () => clients,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** @returns the name of a refused parameter, or `tls` for an SSLRequest */
function startup(bytes: Buffer): string | undefined {
  if (bytes.readInt32BE(4) === SSL_REQUEST) return "tls";
  const words = bytes.toString("utf8", 8).split("\0");
  return words.find((word, index) => index % 2 === 0 && word && !ACCEPTED.has(word.toLowerCase()));
}

/** A connection that the client library has logged in, without the library. */
async function login(target: string): Promise<Socket> {
  const { hostname, port } = new URL(target);
  const socket = connect({ host: hostname, port: Number(port) });
  const settings = { max: 1, fetch_types: false, max_lifetime: null, socket: () => socket };
  const sql = postgres(target, settings as never);
  await sql.unsafe("select 1");
  socket.removeAllListeners();
  return socket.on("error", () => {});
}

/** Splits bytes into messages. The startup message has no type byte. */
function createSplitter(options: { startsWithout?: boolean } = {}): (bytes: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  let hasLetter = !options.startsWithout;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const messages: Buffer[] = [];
    for (;;) {
      const letter = hasLetter ? 1 : 0;
      if (rest.length < letter + 4) return messages;
      const length = letter + rest.readInt32BE(letter);
      if (rest.length < length) return messages;
      const found = rest.subarray(0, length);
      if (!hasLetter) hasLetter = found.readInt32BE(4) !== SSL_REQUEST;
      messages.push(found);
      rest = rest.subarray(length);
    }
  };
}

async function* messagesOf(socket: Socket, options: { startsWithout?: boolean }): AsyncGenerator<Buffer> {
  const split = createSplitter(options);
  try {
    for await (const bytes of socket) yield* split(bytes as Buffer);
  } catch {
    // Reset: the client is gone.
  }
}
