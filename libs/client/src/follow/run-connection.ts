import { type Clock, pause } from "../clock.ts";
import type { WebSocketLike } from "../web-socket-like.ts";

/** What is known of a connection that has ended. */
export interface EndedConnection {
  /** The close code; 1006 when there was none. */
  code: number;
  /** The delay that `going_away` asked for; null when it did not arrive. */
  retryAfterMs: number | null;
  /** Milliseconds since the `subscribed` frame; 0 when it never arrived. */
  servedMs: number;
}

export interface ConnectionDeps {
  clock: Clock;
  open(): WebSocketLike;
  /** The first message to send, when the socket carries no token. */
  greeting: string | null;
  /** Called with every frame except pongs. */
  onFrame(frame: { type: string }): void;
  /** Ends the connection from this side, at once. */
  signal: AbortSignal;
}

/** A ping is sent after 30 s of silence. After 45 s the connection counts as dead, so the pong has 15 s to arrive. */
const PING_AFTER_MS = 30_000;
const DEAD_AFTER_MS = 45_000;
/** Time-out for opening a socket. */
const OPEN_WITHIN_MS = 10_000;
/** Time-out for the closing handshake. */
const CLOSE_WITHIN_MS = 1_000;

/** Opens a socket, passes its frames on, and resolves when either side closed it or it fell silent. Never rejects. */
export async function runConnection(deps: ConnectionDeps): Promise<EndedConnection> {
  const { clock, signal } = deps;
  const ended: EndedConnection = { code: 1006, retryAfterMs: null, servedMs: 0 };
  if (signal.aborted) return ended;
  let socket: WebSocketLike;
  try {
    socket = deps.open();
  } catch {
    return ended;
  }
  let servedAt: number | null = null;
  let heardAt = clock.now();
  let isOpen = false;

  await new Promise<void>((resolve) => {
    let timer: unknown;
    const end = (code: number) => {
      clock.clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      socket.onopen = socket.onmessage = socket.onclose = null;
      // A socket that is closed before it is open emits an error after the end; it must have a listener.
      socket.onerror = () => {};
      ended.code = code;
      if (servedAt !== null) ended.servedMs = clock.now() - servedAt;
    };
    const leave = () => {
      end(1006);
      void closeSocket(socket, clock).then(resolve);
    };
    const giveUp = () => {
      end(1006);
      if (socket.terminate) socket.terminate();
      else socket.close();
      resolve();
    };
    /** One timer that checks the clock is cheaper than a new timer for every frame. */
    const watch = () => {
      const silentMs = clock.now() - heardAt;
      const limit = isOpen ? DEAD_AFTER_MS : OPEN_WITHIN_MS;
      if (silentMs >= limit) return giveUp();
      const pings = isOpen && silentMs >= PING_AFTER_MS;
      if (pings) socket.send('{"type":"ping"}');
      timer = clock.setTimeout(watch, (isOpen && !pings ? PING_AFTER_MS : limit) - silentMs);
    };
    signal.addEventListener("abort", leave);
    socket.onopen = () => {
      isOpen = true;
      heardAt = clock.now();
      if (deps.greeting !== null) socket.send(deps.greeting);
      clock.clearTimeout(timer);
      watch();
    };
    socket.onmessage = ({ data }: { data: unknown }) => {
      heardAt = clock.now();
      const frame = readFrame(data);
      if (!frame || frame.type === "pong") return;
      if (frame.type === "subscribed") servedAt ??= heardAt;
      if (frame.type === "going_away") ended.retryAfterMs = (frame as { retry_after_ms?: number }).retry_after_ms ?? 0;
      deps.onFrame(frame);
    };
    socket.onerror = () => {};
    socket.onclose = ({ code }: { code?: number }) => {
      end(code ?? 1006);
      resolve();
    };
    watch();
  });
  return ended;
}

/** Closes a socket, and terminates it where possible if the handshake times out. */
async function closeSocket(socket: WebSocketLike, clock: Clock): Promise<void> {
  const closed = new AbortController();
  socket.onclose = () => closed.abort();
  try {
    socket.close(1000);
  } catch {
    // The socket was not open yet, and now never will be.
  }
  await pause(clock, CLOSE_WITHIN_MS, closed.signal);
  socket.onclose = null;
  socket.terminate?.();
}

function readFrame(data: unknown): { type: string } | null {
  try {
    const frame = JSON.parse(String(data)) as { type?: unknown } | null;
    return typeof frame?.type === "string" ? (frame as { type: string }) : null;
  } catch {
    return null;
  }
}
