import { CLOSE_CODES } from "@boocode/contracts";
import { WebSocket } from "ws";
import type { Transport } from "./transport.ts";

/** A peer that does not answer a close within this time is ended. */
const CLOSE_PATIENCE_MS = 3_000;

export function createWsTransport(socket: WebSocket): Transport {
  return {
    send(json) {
      // Bytes are shared by every subscriber of a frame; `binary: false` makes them a text message all the same.
      if (socket.readyState === WebSocket.OPEN) socket.send(json, { binary: false });
    },
    unsent: () => socket.bufferedAmount,
    close(reason) {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.close(CLOSE_CODES[reason].code, reason);
      // A stuck peer would hold the socket for ws's own 30 s.
      setTimeout(() => socket.terminate(), CLOSE_PATIENCE_MS).unref();
    },
    terminate: () => socket.terminate(),
  };
}
