import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { bytesOf, type WireCase } from "./wire-case.ts";

export interface PlayedServer {
  baseUrl: string;
  /** The bodies of the chat requests, in order. */
  requests: { headers: IncomingMessage["headers"]; body: unknown }[];
  /** Resolves when all bytes of the case have been written. */
  played: Promise<void>;
  /** Resolves when the client disconnects before the end of the answer. */
  clientLeft: Promise<void>;
  close(): Promise<void>;
}

/** A complete model server on a free port that replays one case. */
export async function serveCase(wire: WireCase): Promise<PlayedServer> {
  const requests: PlayedServer["requests"] = [];
  let left = () => {};
  const clientLeft = new Promise<void>((resolve) => {
    left = resolve;
  });
  let finish = () => {};
  const played = new Promise<void>((resolve) => {
    finish = resolve;
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
      finish();
    } else {
      const [status, body] = sideAnswer(wire, path ?? "");
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    played,
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
  if (path === "/api/ps" && endpoints?.ps) return [200, { models: [{ name: model, ...endpoints.ps }] }];
  if (path === "/api/show" && endpoints?.show) return [200, endpoints.show];
  return [404, { error: { message: "not found" } }];
}

async function play(wire: WireCase, response: ServerResponse): Promise<void> {
  response.writeHead(wire.status, wire.headers);
  response.flushHeaders();
  for (const write of wire.chunks) {
    await sleep(typeof write === "object" && "delayMs" in write ? (write.delayMs ?? 0) : (wire.appendIntervalMs ?? 1));
    if (response.closed) return;
    response.write(bytesOf(write));
  }
  if (wire.end === "hang") return;
  // The written bytes must be sent before the connection breaks.
  await sleep(20);
  if (wire.end === "end") response.end();
  else if (wire.end === "fin") response.socket?.destroy();
  else response.socket?.resetAndDestroy();
}
