import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { answerChat, type ChatDeps } from "./answer-chat.ts";
import { INVESTIGATOR } from "./choose-answer.ts";
import { control } from "./control/control.ts";
import { sendError, sendJson } from "./http.ts";
import { modelList, props, slots } from "./models.ts";

export interface ServerDeps extends ChatDeps {
  /** Size of the context window in tokens; null when the server does not report it. */
  contextSize: number | null;
  /** `status.value` in the model list, by model name; default `loaded`. */
  modelStatus: Record<string, string>;
  reset: () => void;
}

/** Creates the HTTP server, not yet listening. */
export function createModelServer(deps: ServerDeps): Server {
  const server = createServer((request, response) => {
    route(request, response, deps).catch((error) => {
      // Also reached when the client disconnects while its body is read; there is then no response to send.
      if (!response.headersSent) sendError(response, 500, String(error));
      else response.destroy();
    });
  });
  server.requestTimeout = 0;
  // Longer than the idle time-out of clients' pools, so that clients close idle sockets first and never see a reset.
  server.keepAliveTimeout = 65_000;
  return server;
}

async function route(request: IncomingMessage, response: ServerResponse, deps: ServerDeps): Promise<void> {
  const url = new URL(request.url ?? "/", "http://model");
  const path = url.pathname;
  if (path.startsWith("/__")) return control(request, response, url, deps);
  if (path === "/v1/chat/completions") {
    if (request.method !== "POST") return sendError(response, 405, "POST only");
    return answerChat(request, response, deps);
  }
  if (request.method !== "GET") return sendError(response, 404, "no such path");
  if (path === "/health") return sendJson(response, 200, { status: "ok" });
  if (path === "/v1/models") {
    return sendJson(
      response,
      200,
      modelList([INVESTIGATOR, ...Object.keys(deps.scripts)], deps.contextSize, deps.modelStatus),
    );
  }
  if (/^(\/upstream\/.+)?\/slots$/.test(path)) return sendJson(response, 200, slots(deps.records.all()));
  if (deps.contextSize === null) return sendError(response, 404, "no such path");
  if (path === "/props") {
    return sendJson(response, 200, props(url.searchParams.get("model") ?? INVESTIGATOR, deps.contextSize, deps.quirks));
  }
  const upstream = /^\/upstream\/(.+)\/props$/.exec(path)?.[1];
  if (upstream !== undefined)
    return sendJson(response, 200, props(decodeURIComponent(upstream), deps.contextSize, deps.quirks));
  return sendError(response, 404, "no such path");
}
