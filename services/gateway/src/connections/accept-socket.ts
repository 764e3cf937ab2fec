import type { Duplex } from "node:stream";
import { SocketMessage } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { limitsOf, takeOne } from "@boocode/limits";
import type { WebSocket } from "ws";
import { createWsTransport } from "../transports/ws-transport.ts";
import type { Connections } from "./connections.ts";
import { type Credentials, type IdentifyDeps, identify } from "./identify.ts";
import type { Admission } from "./places.ts";
import { type Refusal, type SubscribeDeps, type Subscription, subscribe } from "./subscription.ts";

export interface AcceptDeps extends SubscribeDeps, IdentifyDeps {
  connections: Connections;
  pingMs: number;
  pongTimeoutMs: number;
  authTimeoutMs: number;
  maxUnsentBytes: number;
}

/** Serves one WebSocket: authenticates and subscribes it, answers its pings, and closes it with a code of CLOSE_CODES. */
export function acceptSocket(
  deps: AcceptDeps,
  socket: WebSocket,
  stream: Duplex,
  credentials: Credentials,
  subscription: Subscription | Refusal,
  admission: Admission,
): void {
  const transport = createWsTransport(socket, stream);
  let ping = { sentAt: performance.now(), isAnswered: true };
  let closed = false;
  let authenticating = false;
  let unsubscribe = () => {};

  const connection = {
    transport,
    caller: null as Caller | null,
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
  socket.on("ping", (data) => {
    if (!isTooFast()) answer(() => socket.pong(data));
  });
  // On an oversized (1009) or malformed (1002) message, ws itself closes the socket; the close event follows.
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    clearTimeout(authTimer);
    unsubscribe();
    leave();
  });

  let emptyAt = 0;
  let wasTooFast = false;
  let known: { caller: Caller | null; limit: number | null } | null = null;
  /** The limit of messages, computed for each caller and not for each of a hundred thousand pings. */
  function limitNow(): number | null {
    if (known?.caller !== connection.caller) known = null;
    known ??= {
      caller: connection.caller,
      limit: limitsOf(deps.limits, connection.caller ?? { role: "user" }).messages_per_minute,
    };
    return known.limit;
  }

  /** Counts a message or ping before anything is done with it. One too many closes the socket, of which no more is read. */
  function isTooFast(): boolean {
    // What was read with the one too many, which can be ten thousand pings, is dropped.
    if (wasTooFast) return true;
    const limit = limitNow();
    if (limit === null) return false;
    const taken = takeOne(emptyAt, performance.now(), { limit, windowMs: 60_000 });
    ({ emptyAt } = taken);
    if (taken.isAllowed) return false;
    wasTooFast = true;
    transport.close("rate_limited");
    socket.pause();
    return true;
  }

  socket.on("message", (data, isBinary) => {
    if (isTooFast()) return;
    const message = isBinary ? null : parseMessage(data.toString());
    if (!message) return transport.close("bad_request");
    switch (message.type) {
      case "ping":
        return answer(() => transport.send('{"type":"pong"}', null));
      case "auth":
        return void authenticate({ ...credentials, token: message.token });
      default:
        message satisfies never;
    }
  });

  async function authenticate(sent: Credentials): Promise<void> {
    if (authenticating) return;
    authenticating = true;
    // The time limit is the client's, for sending its token; how long a slow database takes is not the client's doing.
    clearTimeout(authTimer);
    const caller = await identify(deps, sent, admission);
    if (closed) return;
    if (typeof caller === "string") return transport.close(caller);
    if ("headers" in caller) return transport.close("rate_limited");
    connection.caller = caller;
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

  if (credentials.token !== null || credentials.ticket !== null) void authenticate(credentials);
}

function parseMessage(text: string): SocketMessage | null {
  try {
    return SocketMessage.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
