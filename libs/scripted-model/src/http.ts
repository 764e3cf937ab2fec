import type { IncomingMessage, ServerResponse } from "node:http";

const MAX_BODY_BYTES = 64 * 1024 * 1024;

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(text);
}

/** Sends an error in the format of OpenAI, llama.cpp and llama-swap. */
export function sendError(response: ServerResponse, status: number, message: string): void {
  const type = status === 404 ? "not_found_error" : "invalid_request_error";
  sendJson(response, status, { error: { code: status, message, type } });
}

/** @returns null when the body is over the limit */
export async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_BODY_BYTES) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
