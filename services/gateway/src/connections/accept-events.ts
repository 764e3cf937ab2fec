import type { IncomingMessage, ServerResponse } from "node:http";
import { API_ERRORS, type ApiErrorCode, type ErrorBody } from "@boocode/contracts";
import { challenge } from "@boocode/identity";
import type { RateHeaders } from "@boocode/limits";
import { createSseTransport } from "../transports/sse-transport.ts";
import type { AcceptDeps } from "./accept-socket.ts";
import { type Credentials, identify } from "./identify.ts";
import { mayFollow, type Refusal, type Subscription, subscribe } from "./subscription.ts";

/** An event stream is refused with the same error code and status as a REST request. */
const AS_ERROR: Record<Refusal, ApiErrorCode> = {
  bad_request: "invalid_request",
  unauthenticated: "unauthenticated",
  forbidden: "forbidden",
  not_found: "not_found",
  unavailable: "unavailable",
};

const LEAST_RETRY_MS = 500;
const RETRY_SPREAD_MS = 1_000;

export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  code: ApiErrorCode,
  headers: RateHeaders = {},
): void {
  const { status, when } = API_ERRORS[code];
  const body: ErrorBody = { error: { code, message: when } };
  if (status === 503) response.setHeader("retry-after", "1");
  if (status === 401) response.setHeader("www-authenticate", challenge(request.headers.authorization));
  if (status === 405) response.setHeader("allow", "GET");
  if (status === 426) response.setHeaders(new Headers({ upgrade: "websocket", connection: "Upgrade" }));
  response.writeHead(status, { ...headers, "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Serves one event stream. */
export async function acceptEvents(
  deps: AcceptDeps,
  request: IncomingMessage,
  response: ServerResponse,
  credentials: Credentials,
  subscription: Subscription | Refusal,
): Promise<void> {
  const refuseFor = (reason: Refusal) => refuse(request, response, AS_ERROR[reason]);
  const admission = deps.connections.admit(credentials.address);
  if (!admission) return refuseFor("unavailable");
  response.once("close", () => admission.leave());
  const caller = await identify(deps, credentials, admission);
  if (typeof caller === "string") return refuseFor(caller);
  if ("headers" in caller) return refuse(request, response, "rate_limited", caller.headers);
  if (typeof subscription === "string") return refuseFor(subscription);
  if (!mayFollow(caller)) {
    deps.refused({ event: "refused.forbidden", actor: caller, address: credentials.address });
    return refuseFor("forbidden");
  }
  // Checked before the first byte is sent, while a refusal can still set the HTTP status.
  if (subscription.target === "session") {
    const mayRead = await deps.mayRead(caller.userId, subscription.sessionId).catch(() => "unavailable" as const);
    if (mayRead !== true) return refuseFor(mayRead || "not_found");
  }

  // If the peer left during the awaits, its close event has fired already, and the connection would never be removed.
  if (response.destroyed) return;
  // `drain` would not close a connection that is opened after it has begun.
  if (deps.connections.isDraining()) return refuseFor("unavailable");
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // Without this, nginx would buffer frames.
    "x-accel-buffering": "no",
  });
  // By default an EventSource waits three to five seconds before it reconnects. The spread keeps the clients of a dead
  // gateway from returning all at once.
  response.write(`retry: ${LEAST_RETRY_MS + Math.floor(Math.random() * RETRY_SPREAD_MS)}\n\n`);
  request.socket.setNoDelay(true);
  const transport = createSseTransport(response);
  let pingedAt = performance.now();
  const leave = deps.connections.open({
    transport,
    caller,
    keepAlive(now) {
      if (now - pingedAt < deps.pingMs) return;
      pingedAt = now;
      transport.ping();
    },
  });
  let closed = false;
  let unsubscribe = () => {};
  response.on("close", () => {
    closed = true;
    unsubscribe();
    leave();
  });
  const served = await subscribe(deps, caller, subscription, transport);
  if (typeof served === "string") transport.close(served);
  else if (closed) served();
  else unsubscribe = served;
}
