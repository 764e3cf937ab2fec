import type { ServerResponse } from "node:http";
import type { CloseReason } from "@boocode/contracts";
import type { Transport } from "./transport.ts";

/** A peer that does not take the end of its stream within this time is ended. */
const CLOSE_PATIENCE_MS = 3_000;

/** An event stream's transport, with the comment that keeps proxies from taking it for dead. */
export interface SseTransport extends Transport {
  beat(): void;
}

/**
 * An event stream. The event's id is the subscriber's place after it, which a browser sends back as `Last-Event-ID`. A frame
 * has no line breaks of its own, because JSON escapes them.
 */
export function createSseTransport(response: ServerResponse): SseTransport {
  /** Between its end and its close a slow stream is still looked after; a write would be an error that nobody catches. */
  const write = (text: string) => {
    if (!response.writableEnded) response.write(text);
  };
  return {
    send(json, id) {
      write(`${id === null ? "" : `id: ${id}\n`}data: ${json.toString()}\n\n`);
    },
    unsent: () => response.writableLength,
    beat: () => write(": ping\n\n"),
    close(reason: CloseReason) {
      if (response.writableEnded) return;
      response.end(`event: close\ndata: ${JSON.stringify({ reason })}\n\n`);
      setTimeout(() => response.destroy(), CLOSE_PATIENCE_MS).unref();
    },
    terminate: () => void response.destroy(),
  };
}
