import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Seen {
  path: string;
  headers: IncomingMessage["headers"];
  body: Record<string, unknown> | null;
}

export interface ModelServer {
  baseUrl: string;
  seen: Seen[];
  /** Resolves when a client disconnects before the end of its answer. */
  clientLeft: Promise<void>;
}

/** A model server that answers as the test demands, until the end of the test. */
export async function modelServer(answer: (seen: Seen, response: ServerResponse) => void): Promise<ModelServer> {
  const seen: Seen[] = [];
  let left = () => {};
  const clientLeft = new Promise<void>((resolve) => {
    left = resolve;
  });
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const text = Buffer.concat(parts).toString();
    const one = { path: request.url ?? "", headers: request.headers, body: text === "" ? null : JSON.parse(text) };
    seen.push(one);
    response.on("close", () => !response.writableFinished && left());
    answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, clientLeft };
}

/** One event with a delta, as llama.cpp writes it. */
export function delta(said: object, finish_reason: string | null = null, more: object = {}): string {
  const choices = [{ index: 0, delta: said, finish_reason }];
  return `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", choices, ...more })}\n\n`;
}

export const DONE = "data: [DONE]\n\n";

/** Starts an event stream and leaves it open. */
export function beginStream(response: ServerResponse, ...events: string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  for (const event of events) response.write(event);
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
