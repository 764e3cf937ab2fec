import type { IncomingMessage, ServerResponse } from "node:http";
import type { Dependencies } from "./dependencies.ts";

/**
 * Answers `/healthz` (alive), `/readyz` (each dependency by name) and `/metrics` on a plain HTTP server.
 * @param metrics null: they are not served
 * @returns false when the request is for something else
 */
export function answerHealth(
  request: IncomingMessage,
  response: ServerResponse,
  dependencies: Pick<Dependencies, "readiness">,
  metrics: (() => Promise<string>) | null,
): boolean {
  const path = request.url?.split("?")[0]?.replace(/\/$/, "") ?? "";
  if (path !== "/healthz" && path !== "/readyz" && (path !== "/metrics" || !metrics)) return false;
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return true;
  }
  const send = (status: number, type: string, body: string) =>
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
  if (path === "/healthz") {
    send(200, "application/json", JSON.stringify({ status: "ok" }));
  } else if (path === "/readyz") {
    void dependencies
      .readiness()
      .then((answer) => send(answer.status === "ready" ? 200 : 503, "application/json", JSON.stringify(answer)));
  } else {
    metrics?.().then(
      (text) => send(200, "text/plain; version=0.0.4", text),
      () => send(500, "text/plain", "metrics failed"),
    );
  }
  return true;
}
