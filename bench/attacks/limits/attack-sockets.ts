import type { Socket } from "node:net";
import { openSocket } from "./open-socket.ts";

/*
 * The attacker of sockets.ts, in a process of its own. Holds as many sockets as it can, opens those that end again, and tells its
 * parent how many are served and how many pings it has written.
 */
const [kind = "", url = "", path = "", token = ""] = process.argv.slice(2);
const WANTED = { "bogus-tickets": 500, "many-sockets": 300, pings: 20 }[kind] ?? 0;
const FROM = "127.0.0.2";

const PING = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
const CLOSE = 0x88;
const PINGS_AT_ONCE = 500;
const pings = Buffer.concat(Array(PINGS_AT_ONCE).fill(PING));

const sockets = new Set<Socket>();
const served = new Set<Socket>();
let [opened, written] = [0, 0];

function flood(socket: Socket): void {
  if (socket.destroyed) return;
  written += PINGS_AT_ONCE;
  if (socket.write(pings)) setImmediate(flood, socket);
  else socket.once("drain", () => flood(socket));
}

function open(): void {
  opened += 1;
  const isBogus = kind === "bogus-tickets";
  const socket = openSocket(
    url,
    isBogus ? { path: `${path}?ticket=${opened}`, from: FROM } : { path, from: FROM, token },
  );
  sockets.add(socket);
  socket.on("data", (data) => {
    // A flood that is not read any more does no harm: a close frame makes room for the next.
    if (kind === "pings" && data.includes(CLOSE)) return void socket.destroy();
    if (!data.includes('"subscribed"')) return;
    served.add(socket);
    if (kind === "pings") flood(socket);
  });
  socket.once("close", () => {
    sockets.delete(socket);
    served.delete(socket);
  });
}

// At most 1,000 new ones a second, so that it is the gateway that is measured and not the processor that both share.
setInterval(() => {
  for (let n = 0; n < 50 && sockets.size < WANTED; n++) open();
}, 50);
setInterval(() => process.send?.({ opened, held: sockets.size, served: served.size, written }), 200);
process.once("disconnect", () => process.exit());
