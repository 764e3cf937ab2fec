import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { addressGroup } from "./address.ts";

/** A request's head must arrive within this time, and the whole of it within the second. Node looks once a second. */
export const REQUEST_TIMES = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 1_000 };

/**
 * Bounds the connections of a server before anything is known of who makes them: all of them, and those of one address, or IPv6
 * network, that have not sent a request yet, to a tenth. What is over the bound is closed at once.
 */
export function boundConnections(server: Server, max: number): void {
  server.maxConnections = max;
  const mostSilent = Math.max(10, Math.ceil(max / 10));
  const silent = new Map<string, number>();
  const counted = new WeakMap<object, string>();

  function leave(socket: object): void {
    const group = counted.get(socket);
    if (group === undefined) return;
    counted.delete(socket);
    const left = (silent.get(group) ?? 1) - 1;
    if (left > 0) silent.set(group, left);
    else silent.delete(group);
  }

  server.on("connection", (socket: Socket) => {
    const group = addressGroup(socket.remoteAddress ?? "");
    const count = (silent.get(group) ?? 0) + 1;
    if (count > mostSilent) return void socket.destroy();
    silent.set(group, count);
    counted.set(socket, group);
    socket.once("close", () => leave(socket));
  });
  const speaks = ({ socket }: IncomingMessage) => leave(socket);
  server.on("request", speaks);
  server.on("upgrade", speaks);
}
