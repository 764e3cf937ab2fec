import { createServer, type IncomingMessage, type Server } from "node:http";
import { bearerToken } from "@boocode/identity";
import { answerHealth, type Dependencies } from "@boocode/runtime";
import { WebSocketServer } from "ws";
import { acceptEvents, refuse } from "./connections/accept-events.ts";
import { type AcceptDeps, acceptSocket, type Credentials, isAnonymous } from "./connections/accept-socket.ts";
import { answerPreflight } from "./connections/allow-origin.ts";
import { parseSubscription } from "./connections/subscription.ts";

/** Clients send only `auth` and `ping`. */
const MAX_CLIENT_MESSAGE_BYTES = 16 * 1024;

export interface ServerDeps extends AcceptDeps {
  /** Origins of the web pages that may read answers of this server. */
  corsOrigins: string[];
  dependencies: Pick<Dependencies, "readiness">;
  metrics(): Promise<string>;
}

/** Builds the HTTP server: health, event streams, upgrades to WebSockets. The caller starts listening. */
export function buildServer(deps: ServerDeps): Server {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // `acceptSocket` answers pings instead, because ws would also answer a peer that does not read.
    autoPong: false,
    maxPayload: MAX_CLIENT_MESSAGE_BYTES,
    clientTracking: false,
  });

  const server = createServer((request, response) => {
    if (answerPreflight(request, response, deps.corsOrigins)) return;
    if (answerHealth(request, response, deps.dependencies, deps.metrics)) return;
    const target = readRequest(request);
    const subscription = target && parseSubscription(target.url, header(request, "last-event-id"));
    if (!target || subscription === null) return refuse(request, response, "not_found");
    if (isSocketPath(target.url)) return refuse(request, response, "upgrade_required");
    if (request.method !== "GET") return refuse(request, response, "method_not_allowed");
    if (deps.connections.isFull(false)) return refuse(request, response, "unavailable");
    acceptEvents(deps, request, response, target.credentials, subscription).catch(() => response.destroy());
  });

  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const target = readRequest(request);
    const subscription = target && isSocketPath(target.url) ? parseSubscription(target.url, undefined) : null;
    if (!target || subscription === null) return void socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    if (deps.connections.isFull(isAnonymous(target.credentials))) {
      return void socket.end("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n");
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      acceptSocket(deps, webSocket, target.credentials, subscription),
    );
  });
  return server;
}

const isSocketPath = (url: URL) => url.pathname.startsWith("/api/ws/");

function readRequest(request: IncomingMessage): { url: URL; credentials: Credentials } | null {
  const url = URL.parse(request.url ?? "/", "http://gateway");
  if (!url) return null;
  // A trailing slash is the same path, as in the API.
  url.pathname = url.pathname.replace(/\/$/, "");
  return {
    url,
    credentials: {
      token: bearerToken(request.headers.authorization),
      ticket: url.searchParams.get("ticket"),
      address: request.socket.remoteAddress ?? null,
    },
  };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
