import type { IncomingMessage, ServerResponse } from "node:http";
import { withDeadline } from "../with-deadline.ts";

/** Dependencies by name, each with its check, which throws or returns false when the dependency does not answer. */
export type HealthChecks = Record<string, () => unknown>;

export interface Readiness {
  status: "ready" | "not_ready";
  dependencies: Record<string, "ok" | "down">;
}

/** Runs all checks in parallel, each for at most one second. */
export async function checkReadiness(checks: HealthChecks): Promise<Readiness> {
  const dependencies: Readiness["dependencies"] = {};
  await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        const answer = await withDeadline(1_000, name, Promise.resolve(check()));
        dependencies[name] = answer === false ? "down" : "ok";
      } catch {
        dependencies[name] = "down";
      }
    }),
  );
  const ready = Object.values(dependencies).every((state) => state === "ok");
  return { status: ready ? "ready" : "not_ready", dependencies };
}

/**
 * Answers `/healthz` (alive), `/readyz` (each dependency by name) and `/metrics` on a plain HTTP server.
 * @returns false when the request is for something else
 */
export function answerHealth(
  request: IncomingMessage,
  response: ServerResponse,
  checks: HealthChecks,
  metrics: () => Promise<string>,
): boolean {
  const path = request.url?.split("?")[0];
  const send = (status: number, type: string, body: string) =>
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
  if (path === "/healthz") {
    send(200, "application/json", JSON.stringify({ status: "ok" }));
  } else if (path === "/readyz") {
    void checkReadiness(checks).then((answer) =>
      send(answer.status === "ready" ? 200 : 503, "application/json", JSON.stringify(answer)),
    );
  } else if (path === "/metrics") {
    metrics().then(
      (text) => send(200, "text/plain; version=0.0.4", text),
      () => send(500, "text/plain", "metrics failed"),
    );
  } else {
    return false;
  }
  return true;
}
