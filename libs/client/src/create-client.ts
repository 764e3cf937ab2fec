import { type Clock, systemClock } from "./clock.ts";
import { createRest, type Rest } from "./rest/create-rest.ts";
import type { RequestDeps } from "./rest/send-request.ts";
import type { SocketAccess, SocketCredentials, WebSocketLike } from "./web-socket-like.ts";

export interface BooCodeClientOptions {
  /** The origin, without a path: `https://boocode.example`. */
  apiUrl: string;
  /** `https:` and `wss:` are equivalent here. */
  gatewayUrl: string;
  /** A bearer token, or a function that returns the current one. Without it, requests carry none (a proxy may add it). */
  token?: string | (() => string | Promise<string>);
  /** For a page without a token: returns a new single-use ticket for each socket. */
  getTicket?: () => Promise<string>;
  fetch?: typeof fetch;
  WebSocket?: new (url: string) => WebSocketLike;
  /** Opens a socket with the token in a header, as Node can: `(url, headers) => new WebSocket(url, { headers })`. */
  openSocket?: SocketAccess["open"];
  random?: () => number;
  now?: () => number;
  setTimeout?: Clock["setTimeout"];
  clearTimeout?: Clock["clearTimeout"];
  /** Time-out of a request, 30 s by default. */
  requestTimeoutMs?: number;
}

/** REST calls, and what `followSession` and `followUser` need. */
export interface BooCodeClient extends Rest {
  /** Used by the followers of this library. */
  readonly internals: ClientInternals;
}

export interface ClientInternals {
  /** `ws:` or `wss:`, without a path. */
  gatewayUrl: string;
  sockets: SocketAccess;
  clock: Clock;
  random(): number;
}

/** Creates a client. Nothing is connected before the first call. */
export function createBooCodeClient(options: BooCodeClientOptions): BooCodeClient {
  const clock: Clock = {
    now: options.now ?? systemClock.now,
    setTimeout: options.setTimeout ?? systemClock.setTimeout,
    clearTimeout: options.clearTimeout ?? systemClock.clearTimeout,
  };
  const random = options.random ?? Math.random;
  const { token } = options;
  const readToken = async () => (typeof token === "function" ? await token() : (token ?? null));
  const deps: RequestDeps = {
    apiUrl: withoutSlash(options.apiUrl),
    token: readToken,
    fetch: options.fetch ?? ((...call) => globalThis.fetch(...call)),
    clock,
    random,
    timeoutMs: options.requestTimeoutMs ?? 30_000,
  };
  const gatewayUrl = withoutSlash(options.gatewayUrl).replace(/^http/, "ws");
  return { ...createRest(deps), internals: { gatewayUrl, sockets: socketAccess(options, readToken), clock, random } };
}

function socketAccess(options: BooCodeClientOptions, readToken: () => Promise<string | null>): SocketAccess {
  const { getTicket, openSocket } = options;
  const open: SocketAccess["open"] = (url, headers) => {
    if (openSocket) return openSocket(url, headers);
    const Constructor = options.WebSocket ?? (globalThis as unknown as BooCodeClientOptions).WebSocket;
    if (!Constructor) throw new Error("this environment has no WebSocket: pass one, or `openSocket`");
    return new Constructor(url);
  };
  return {
    open,
    async credentials(): Promise<SocketCredentials> {
      if (getTicket) return { headers: {}, ticket: await getTicket(), greeting: null };
      const token = await readToken();
      if (token === null) return { headers: {}, ticket: null, greeting: null };
      if (openSocket) return { headers: { authorization: `Bearer ${token}` }, ticket: null, greeting: null };
      // Unlike a URL, a first message appears in no log; unlike a ticket, it needs no Redis.
      return { headers: {}, ticket: null, greeting: JSON.stringify({ type: "auth", token }) };
    },
  };
}

const withoutSlash = (url: string) => url.replace(/\/+$/, "");
