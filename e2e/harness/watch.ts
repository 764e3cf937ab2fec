import { once } from "node:events";
import { SessionFrame, UserFrame } from "@boocode/contracts";
import { WebSocket } from "ws";

/** Records every frame of one socket, in order, each validated against the contracts. */
export interface Watch<F extends { type: string }> {
  frames: F[];
  socket: WebSocket;
  /** Resolves with the first frame, past or future, that matches. */
  until(fits: (frame: F) => boolean, timeoutMs?: number): Promise<F>;
  /** Resolves with the close code. */
  closed: Promise<number>;
  close(): Promise<number>;
}

const TIMEOUT_MS = 40_000;

function watch<F extends { type: string }>(url: string, token: string | null, parse: (frame: unknown) => F): Watch<F> {
  const socket = new WebSocket(url, { headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  const frames: F[] = [];
  const waiting = new Set<{ fits: (frame: F) => boolean; resolve: (frame: F) => void; reject: (why: Error) => void }>();
  const closed = once(socket, "close").then(([code]) => code as number);
  socket.on("error", () => {});
  socket.on("message", (data) => {
    const frame = parse(JSON.parse(data.toString()));
    frames.push(frame);
    for (const wait of waiting) if (wait.fits(frame)) wait.resolve(frame);
  });
  void closed.then((code) => {
    for (const wait of waiting) wait.reject(new Error(`the socket was closed with ${code}`));
  });
  return {
    frames,
    socket,
    closed,
    until(fits, timeoutMs = TIMEOUT_MS) {
      const found = frames.find(fits);
      if (found) return Promise.resolve(found);
      return new Promise<F>((resolve, reject) => {
        const wait = { fits, resolve, reject };
        const timer = setTimeout(
          () => reject(new Error(`no such frame; the last were ${JSON.stringify(frames.slice(-5))}`)),
          timeoutMs,
        );
        const settle =
          <T>(act: (value: T) => void) =>
          (value: T) => {
            clearTimeout(timer);
            waiting.delete(wait);
            act(value);
          };
        wait.resolve = settle(resolve);
        wait.reject = settle(reject);
        waiting.add(wait);
      });
    },
    async close() {
      socket.close();
      return await closed;
    },
  };
}

const ws = (gatewayUrl: string) => gatewayUrl.replace(/^http/, "ws");

export function watchSession(
  gatewayUrl: string,
  token: string | null,
  sessionId: string,
  query = "",
): Watch<SessionFrame> {
  return watch(`${ws(gatewayUrl)}/api/ws/sessions/${sessionId}${query}`, token, (frame) => SessionFrame.parse(frame));
}

export function watchUser(gatewayUrl: string, token: string | null, query = ""): Watch<UserFrame> {
  return watch(`${ws(gatewayUrl)}/api/ws/user${query}`, token, (frame) => UserFrame.parse(frame));
}

/** Resolves when the socket is subscribed: later events reach it frame by frame. */
export async function subscribed<F extends SessionFrame | UserFrame>(watch: Watch<F>): Promise<Watch<F>> {
  await watch.until((frame) => frame.type === "subscribed");
  return watch;
}
