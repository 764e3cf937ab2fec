import { createServer, type IncomingMessage, type Server } from "node:http";
import { bearerToken } from "@boocode/identity";
import { boundConnections, clientAddress, type IsTrusted, REQUEST_TIMES, retryAfter } from "@boocode/limits";
import { answerHealth, type Dependencies } from "@boocode/runtime";
import helmet from "helmet";
import { WebSocketServer } from "ws";
import { acceptEvents, refuse } from "./connections/accept-events.ts";
import { type AcceptDeps, acceptSocket } from "./connections/accept-socket.ts";
import { answerPreflight } from "./connections/allow-origin.ts";
import type { Credentials } from "./connections/identify.ts";
import { parseSubscription } from "./connections/subscription.ts";

/** Clients send only `auth` and `ping`. */
const MAX_CLIENT_MESSAGE_BYTES = 16 * 1024;

/** The same headers as the API's, for answers that no page may show. */
const secure = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
});

export interface ServerDeps extends AcceptDeps {
  /** Origins of the web pages that may read answers of this server. */
  corsOrigins: string[];
  isTrustedProxy: IsTrusted;
  /** Limit of connections that clients opened, requests included. */
  maxConnections: number;
  dependencies: Pick<Dependencies, "readiness">;
  /** null: they are not served. */
  metrics: (() => Promise<string>) | null;
}

/** Builds the HTTP server: health, event streams, upgrades to WebSockets. The caller starts listening. */
export function buildServer(deps: ServerDeps): Server {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // `acceptSocket` answers pings instead, because ws would also answer a peer that does not read.
    autoPong: false,
    // Of what was read at once, one message or ping is handled in each round of the event loop, so that a flood of them waits for others.
    allowSynchronousEvents: false,
    maxPayload: MAX_CLIENT_MESSAGE_BYTES,
    clientTracking: false,
  });

  const server = createServer(REQUEST_TIMES, (request, response) => {
    secure(request, response, () => {});
    if (answerPreflight(request, response, deps.corsOrigins)) return;
    if (answerHealth(request, response, deps.dependencies, deps.metrics)) return;
    const target = readRequest(request, deps.isTrustedProxy);
    const subscription = target && parseSubscription(target.url, header(request, "last-event-id"));
    if (!target || subscription === null) return refuse(request, response, "not_found");
    if (isSocketPath(target.url)) return refuse(request, response, "upgrade_required");
    if (request.method !== "GET") return refuse(request, response, "method_not_allowed");
    acceptEvents(deps, request, response, target.credentials, subscription).catch(() => response.destroy());
  });

  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const target = readRequest(request, deps.isTrustedProxy);
    const subscription = target && isSocketPath(target.url) ? parseSubscription(target.url, undefined) : null;
    if (!target || subscription === null) return void socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    const { address, token } = target.credentials;
    const waitMs = token === null ? 0 : deps.signIns.waitMs(address, token);
    if (waitMs > 0) {
      const wait = retryAfter(waitMs)["retry-after"];
      return void socket.end(`HTTP/1.1 429 Too Many Requests\r\nRetry-After: ${wait}\r\nConnection: close\r\n\r\n`);
    }
    const admission = deps.connections.admit(address);
    if (!admission) {
      return void socket.end("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n");
    }
    // A handshake that fails closes the socket and calls nothing.
    socket.once("close", () => admission.leave());
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      acceptSocket(deps, webSocket, socket, target.credentials, subscription, admission),
    );
  });
  boundConnections(server, deps.maxConnections);
  return server;
}

const isSocketPath = (url: URL) => url.pathname.startsWith("/api/ws/");

function readRequest(request: IncomingMessage, isTrusted: IsTrusted): { url: URL; credentials: Credentials } | null {
  const url = URL.parse(request.url ?? "/", "http://gateway");
  if (!url) return null;
  // A trailing slash is the same path, as in the API.
  url.pathname = url.pathname.replace(/\/$/, "");
  return {
    url,
    credentials: {
      token: bearerToken(request.headers.authorization),
      ticket: url.searchParams.get("ticket"),
      address: clientAddress(request.socket.remoteAddress, header(request, "x-forwarded-for"), isTrusted),
    },
  };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
