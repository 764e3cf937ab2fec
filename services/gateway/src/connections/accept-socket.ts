import { SocketMessage } from "@boocode/contracts";
import type { Caller, Refused } from "@boocode/identity";
import type { WebSocket } from "ws";
import { createWsTransport } from "../transports/ws-transport.ts";
import type { Connections } from "./connections.ts";
import { type Refusal, type SubscribeDeps, type Subscription, subscribe } from "./subscription.ts";

export interface AcceptDeps extends SubscribeDeps {
  connections: Connections;
  findCaller(token: string): Promise<Caller | null>;
  takeTicket(ticket: string): Promise<Caller | null>;
  /** A subscriber was refused for a reason that the audit log counts. */
  refused(refusal: Refused): void;
  pingMs: number;
  pongTimeoutMs: number;
  authTimeoutMs: number;
  maxUnsentBytes: number;
}

/** The credentials in a request's header or URL, known before its socket is open, and the address of its peer. */
export interface Credentials {
  address: string | null;
  token: string | null;
  ticket: string | null;
}

export const isAnonymous = ({ token, ticket }: Pick<Credentials, "token" | "ticket">) =>
  token === null && ticket === null;

/** Serves one WebSocket: authenticates and subscribes it, answers its pings, and closes it with a code of CLOSE_CODES. */
export function acceptSocket(
  deps: AcceptDeps,
  socket: WebSocket,
  credentials: Credentials,
  subscription: Subscription | Refusal,
): void {
  const transport = createWsTransport(socket);
  let ping = { sentAt: performance.now(), isAnswered: true };
  let closed = false;
  let authenticating = false;
  let unsubscribe = () => {};

  const { token, ticket } = credentials;
  const connection = {
    transport,
    caller: null as Caller | null,
    isAnonymous: isAnonymous(credentials),
    keepAlive(now: number) {
      const age = now - ping.sentAt;
      if (!ping.isAnswered && age > deps.pongTimeoutMs) socket.terminate();
      else if (ping.isAnswered && age > deps.pingMs) {
        ping = { sentAt: now, isAnswered: false };
        socket.ping();
      }
    },
  };
  const leave = deps.connections.open(connection);
  const authTimer = setTimeout(() => transport.close("auth_timeout"), deps.authTimeoutMs);

  /** Terminates a peer that sends pings and does not read the answers, which would pile up in memory (D8). */
  function answer(send: () => void): void {
    if (transport.unsent() > deps.maxUnsentBytes) socket.terminate();
    else send();
  }

  socket.on("pong", () => {
    ping.isAnswered = true;
  });
  socket.on("ping", (data) => answer(() => socket.pong(data)));
  // On an oversized (1009) or malformed (1002) message, ws itself closes the socket; the close event follows.
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    clearTimeout(authTimer);
    unsubscribe();
    leave();
  });
  socket.on("message", (data, isBinary) => {
    const message = isBinary ? null : parseMessage(data.toString());
    if (!message) return transport.close("bad_request");
    switch (message.type) {
      case "ping":
        return answer(() => transport.send('{"type":"pong"}', null));
      case "auth":
        return void authenticate(() => deps.findCaller(message.token));
      default:
        message satisfies never;
    }
  });

  async function authenticate(find: () => Promise<Caller | null>): Promise<void> {
    if (authenticating) return;
    authenticating = true;
    // The time limit is the client's, for sending its token; how long a slow database takes is not the client's doing.
    clearTimeout(authTimer);
    const caller = await find().catch(() => "unavailable" as const);
    if (closed) return;
    if (caller === null) {
      deps.refused({ event: "refused.unauthenticated", actor: "anonymous", address: credentials.address });
      return transport.close("unauthenticated");
    }
    if (caller === "unavailable") return transport.close("unavailable");
    connection.caller = caller;
    connection.isAnonymous = false;
    // Refused only after authentication: a client without a token must not learn which sessions exist.
    if (typeof subscription === "string") return transport.close(subscription);
    const served = await subscribe(deps, caller, subscription, transport);
    if (served === "forbidden") {
      deps.refused({ event: "refused.forbidden", actor: caller, address: credentials.address });
    }
    if (typeof served === "string") return transport.close(served);
    if (closed) served();
    else unsubscribe = served;
  }

  if (token !== null) void authenticate(() => deps.findCaller(token));
  else if (ticket !== null) void authenticate(() => deps.takeTicket(ticket));
}

function parseMessage(text: string): SocketMessage | null {
  try {
    return SocketMessage.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
