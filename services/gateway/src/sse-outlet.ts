import type { ServerResponse } from "node:http";
import type { CloseReason } from "@boocode/contracts";
import type { Outlet } from "./outlet.ts";

/**
 * An event stream. The event's id is the subscriber's place after it, which a browser sends back as `Last-Event-ID`. A frame
 * has no line breaks of its own, because JSON escapes them.
 */
export function createSseOutlet(response: ServerResponse): Outlet {
  return {
    send(json, id) {
      response.write(`${id === null ? "" : `id: ${id}\n`}data: ${json.toString()}\n\n`);
    },
    unsent: () => response.writableLength,
    close(reason: CloseReason) {
      response.write(`event: close\ndata: ${JSON.stringify({ reason })}\n\n`);
      response.end();
      setTimeout(() => response.destroy(), 3_000).unref();
    },
    terminate: () => void response.destroy(),
  };
}
