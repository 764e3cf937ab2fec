import { connect, type Socket } from "node:net";

/** Opens a WebSocket by hand, so that the peer need not behave: it answers no close frame. @param from an address of this machine */
export function openSocket(
  gatewayUrl: string,
  { path, from, token }: { path: string; from: string; token?: string },
): Socket {
  const { hostname, port } = new URL(gatewayUrl);
  const socket = connect({ host: hostname, port: Number(port), localAddress: from });
  socket.on("error", () => {});
  socket.write(
    [
      `GET ${path} HTTP/1.1`,
      "Host: x",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
      "\r\n",
    ].join("\r\n"),
  );
  return socket;
}
