import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Expectation } from "./expect-case.ts";

type Write = string | { b64: string } | { text: string; delayMs?: number } | { seq: (string | Filling)[] };
interface Filling {
  fill: string;
  count: number;
}

/** One recorded response, byte for byte, and what a client is to make of it. */
export interface WireCase {
  id: string;
  model: string;
  note: string;
  status: number;
  headers: Record<string, string>;
  /** Each is one write to the socket. */
  chunks: Write[];
  gapMs?: number;
  /** `fin`: closed without the last HTTP chunk; `hang`: left open. */
  end: "end" | "fin" | "reset" | "hang";
  endpoints?: { props?: unknown; propsStatus?: number; modelsEntry?: object };
  expect: { must: Expectation; should: Expectation };
}

export interface PlayedServer {
  baseUrl: string;
  /** Bodies of the chat requests, in order. */
  requests: { headers: IncomingMessage["headers"]; body: unknown }[];
  /** Resolves when the client goes away before the answer has ended. */
  clientLeft: Promise<void>;
  close(): Promise<void>;
}

/** A whole model server on a free port that knows one case. */
export async function serveCase(wire: WireCase): Promise<PlayedServer> {
  const requests: PlayedServer["requests"] = [];
  let left = () => {};
  const clientLeft = new Promise<void>((resolve) => {
    left = resolve;
  });
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const path = (request.url ?? "").split("?")[0];
    if (path === "/v1/chat/completions") {
      requests.push({ headers: request.headers, body: JSON.parse(Buffer.concat(parts).toString()) });
      response.on("close", () => !response.writableFinished && left());
      await play(wire, response);
    } else {
      const [status, body] = sideAnswer(wire, path ?? "");
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    clientLeft,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sideAnswer({ endpoints, model }: WireCase, path: string): [number, unknown] {
  if (path === "/v1/models") return [200, { object: "list", data: [{ id: model, ...endpoints?.modelsEntry }] }];
  if (path === `/upstream/${model}/props` && endpoints?.props) return [endpoints.propsStatus ?? 200, endpoints.props];
  return [404, { error: { message: "not found" } }];
}

async function play(wire: WireCase, response: ServerResponse): Promise<void> {
  response.writeHead(wire.status, wire.headers);
  response.flushHeaders();
  for (const write of wire.chunks) {
    await sleep(typeof write === "object" && "delayMs" in write ? (write.delayMs ?? 0) : (wire.gapMs ?? 1));
    if (response.closed) return;
    response.write(bytesOf(write));
  }
  if (wire.end === "hang") return;
  // What was written must have left before the connection is broken.
  await sleep(20);
  if (wire.end === "end") response.end();
  else if (wire.end === "fin") response.socket?.destroy();
  else response.socket?.resetAndDestroy();
}

function bytesOf(write: Write): Buffer {
  if (typeof write === "string") return Buffer.from(write);
  if ("b64" in write) return Buffer.from(write.b64, "base64");
  if ("text" in write) return Buffer.from(write.text);
  return Buffer.concat(
    write.seq.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.alloc(part.count, part.fill))),
  );
}
