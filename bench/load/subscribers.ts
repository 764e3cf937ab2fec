import { connect } from "node:net";
import { eachStamp, nowUs } from "../stamp.ts";

/** A further subscriber of a session, and what it received. */
export interface Subscriber {
  tokens: Set<number>;
  /** For each token, in ms, if this subscriber is timed. */
  lateMs: number[];
  close(): void;
}

/**
 * Every twentieth subscriber reads at once and is timed. The others read ten times a second, or the reading alone would take most of
 * the machine.
 */
const TIMED = 20;

export async function subscribeAll(
  socket: { url: string; headers: Record<string, string> },
  count: number,
): Promise<Subscriber[]> {
  const subscribers: Subscriber[] = [];
  while (subscribers.length < count) {
    const some = Array.from({ length: Math.min(50, count - subscribers.length) }, (_, at) => subscribers.length + at);
    subscribers.push(...(await Promise.all(some.map((index) => subscribe(socket, index % TIMED === 0)))));
  }
  return subscribers;
}

/** A WebSocket whose frames are not taken apart: stamps are found in the bytes. It answers no ping, so it lives for half a minute. */
function subscribe(
  { url, headers }: { url: string; headers: Record<string, string> },
  isTimed: boolean,
): Promise<Subscriber> {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    const subscriber = { tokens: new Set<number>(), lateMs: [] as number[], close: () => void socket.destroy() };
    const socket = connect(Number(port), hostname, () => {
      const named = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      ];
      socket.write([`GET ${pathname} HTTP/1.1`, "Host: bench", ...upgrade, ...named, "\r\n"].join("\r\n"));
    });
    let rest = "";
    let draining: NodeJS.Timeout | undefined;
    socket.setNoDelay(true).setEncoding("latin1").on("error", reject);
    socket.on("close", () => clearInterval(draining));
    socket.once("data", () => {
      resolve(subscriber);
      if (isTimed) return;
      draining = setInterval(() => socket.resume(), 100);
    });
    socket.on("data", (part: string) => {
      const at = nowUs();
      const whole = (rest + part).lastIndexOf(" ") + 1;
      eachStamp((rest + part).slice(0, whole), (sentUs, number) => {
        if (subscriber.tokens.has(number)) return;
        subscriber.tokens.add(number);
        if (isTimed) subscriber.lateMs.push((at - sentUs) / 1000);
      });
      rest = (rest + part).slice(whole);
      if (draining) socket.pause();
    });
  });
}
