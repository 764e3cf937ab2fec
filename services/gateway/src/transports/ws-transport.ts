import type { Duplex } from "node:stream";
import { CLOSE_CODES } from "@boocode/contracts";
import { WebSocket } from "ws";
import type { Transport } from "./transport.ts";

/** A peer that does not answer the close within this time is terminated. ws itself would wait 30 s. */
const CLOSE_TIMEOUT_MS = 3_000;

/**
 * @param stream the connection of the socket. Batches are written to it directly: ws would frame each message again for each socket.
 * Their order is kept, because without compression ws writes at once, and their bytes count in `bufferedAmount`.
 */
export function createWsTransport(socket: WebSocket, stream: Duplex): Transport {
  return {
    send(json) {
      // All subscribers share one Buffer; `binary: false` makes it a text message.
      if (socket.readyState === WebSocket.OPEN) socket.send(json, { binary: false });
    },
    relay(batch, from, to) {
      if (socket.readyState === WebSocket.OPEN) stream.write(batch.messages(from, to));
    },
    unsent: () => socket.bufferedAmount,
    close(reason) {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.close(CLOSE_CODES[reason].code, reason);
      setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
    },
    terminate: () => socket.terminate(),
  };
}
