import type { IncomingMessage, ServerResponse } from "node:http";
import { sendError, sendJson } from "../http.ts";
import type { Gates } from "./gates.ts";
import type { Records } from "./records.ts";

interface ControlDeps {
  records: Records;
  gates: Gates;
  reset: () => void;
}

/**
 * The control endpoints for tests in other processes:
 * `GET /__requests[?since=id&key=…&bodies=0]`, `GET /__violations`, `GET /__gates`, `GET /__gates/:name/reached` (answers
 * when a request has reached the gate), `POST /__gates/:name/release`, `POST /__reset`.
 */
export async function control(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { records, gates, reset }: ControlDeps,
): Promise<void> {
  const call = `${request.method} ${url.pathname}`;
  if (call === "GET /__requests") {
    const since = Number(url.searchParams.get("since") ?? 0);
    const key = url.searchParams.get("key");
    const found = records.all().filter((record) => record.id > since && (key === null || record.key === key));
    const bodies = url.searchParams.get("bodies") !== "0";
    return sendJson(response, 200, bodies ? found : found.map((record) => ({ ...record, body: null })));
  }
  if (call === "GET /__violations") return sendJson(response, 200, records.violations());
  if (call === "GET /__gates") return sendJson(response, 200, gates.state());
  if (call === "POST /__reset") {
    reset();
    return sendJson(response, 200, {});
  }
  const [, name, verb] = /^\/__gates\/([^/]+)\/(release|reached)$/.exec(url.pathname) ?? [];
  if (name === undefined) return sendError(response, 404, "no such path");
  const gate = decodeURIComponent(name);
  if (verb === "release" && request.method === "POST") {
    gates.release(gate);
    return sendJson(response, 200, {});
  }
  if (verb === "reached" && request.method === "GET") {
    await gates.reached(gate);
    return sendJson(response, 200, {});
  }
  return sendError(response, 405, "this method is not allowed here");
}
