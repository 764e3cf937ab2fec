import type { ServerResponse } from "node:http";
import type { CloseReason } from "@boocode/contracts";
import { formatEvent } from "./batch.ts";
import type { Transport } from "./transport.ts";

/** A peer that does not read the end of its stream within this time is terminated. */
const CLOSE_TIMEOUT_MS = 3_000;

export interface SseTransport extends Transport {
  /** Sends a comment, so that proxies keep an idle stream open. */
  ping(): void;
}

/** The event id is the cursor after the frame. */
export function createSseTransport(response: ServerResponse): SseTransport {
  /** A slow stream stays open after `end()`; a write to it would emit an error that nothing handles. */
  const write = (text: string | Buffer) => {
    if (!response.writableEnded) response.write(text);
  };
  return {
    send(json, id) {
      write(formatEvent(json.toString(), id));
    },
    relay: (batch, from, to) => write(batch.events(from, to)),
    unsent: () => response.writableLength,
    ping: () => write(": ping\n\n"),
    close(reason: CloseReason) {
      if (response.writableEnded) return;
      response.end(`event: close\ndata: ${JSON.stringify({ reason })}\n\n`);
      setTimeout(() => response.destroy(), CLOSE_TIMEOUT_MS).unref();
    },
    terminate: () => void response.destroy(),
  };
}
