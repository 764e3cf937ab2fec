import type { ServerResponse } from "node:http";

/** How a response ended: completely sent, closed by the client, or cut by the script. */
export type Ending = "done" | "disconnected" | "cut";

/**
 * Writes one HTTP response. The caller waits for one thing at a time, and every wait ends when the client disconnects, so no
 * abort signal is needed.
 */
export interface ResponseWriter {
  /** The client has disconnected or the script has cut the response. */
  readonly gone: boolean;
  open(headers: Record<string, string>): void;
  /** When the socket is full, waits until the client has read enough. */
  write(text: string): Promise<void>;
  sleep(ms: number): Promise<void>;
  /** @param start gets the function that ends the wait, and returns a clean-up function */
  until(start: (done: () => void) => () => void): Promise<void>;
  end(): void;
  /** Resets the connection after all written text has been sent. */
  reset(): Promise<void>;
}

/** @param cutAfterBytes the connection is reset after this many bytes of the body */
export function createResponseWriter(
  response: ServerResponse,
  { cutAfterBytes, onEnd }: { cutAfterBytes: number | null; onEnd: (ending: Ending) => void },
): ResponseWriter {
  let wake: (() => void) | null = null;
  let cut = false;
  let gone = false;
  let left = cutAfterBytes ?? Number.POSITIVE_INFINITY;

  response.once("close", () => {
    gone = true;
    onEnd(cut ? "cut" : response.writableFinished ? "done" : "disconnected");
    wake?.();
  });
  response.on("error", () => {}); // a write to a closed socket; the `close` event follows and is handled

  function until(start: (done: () => void) => () => void): Promise<void> {
    if (gone) return Promise.resolve();
    return new Promise((resolve) => {
      let clear = () => {};
      const done = () => {
        wake = null;
        clear();
        resolve();
      };
      wake = done;
      clear = start(done);
    });
  }

  const drained = (done: () => void) => {
    response.once("drain", done);
    return () => response.off("drain", done);
  };

  /** Flushes to the kernel first, because a reset discards what is still queued in the process. */
  async function reset(): Promise<void> {
    const { socket } = response;
    await until((done) => {
      socket?.write("", () => done());
      return () => {};
    });
    cut = true;
    gone = true;
    socket?.resetAndDestroy();
  }

  return {
    get gone() {
      return gone;
    },
    until,
    reset,
    open(headers) {
      if (gone) return;
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", ...headers });
      response.flushHeaders();
    },
    async write(text) {
      if (gone) return;
      const bytes = Number.isFinite(left) ? Buffer.from(text) : null;
      if (bytes && bytes.length >= left) {
        if (left > 0) response.write(bytes.subarray(0, left));
        return reset();
      }
      left -= bytes?.length ?? 0;
      if (!response.write(bytes ?? text)) await until(drained);
    },
    sleep: (ms) =>
      until((done) => {
        const timer = setTimeout(done, ms);
        return () => clearTimeout(timer);
      }),
    end() {
      if (!gone) response.end();
    },
  };
}
