import type { ServerResponse } from "node:http";

/** How a response ended: all sent, the client went away, or the script broke it off. */
export type Ending = "done" | "disconnected" | "cut";

/**
 * One response, seen by whoever plays an answer into it. The player waits for one thing at a time, and every wait ends
 * when the client goes away, so nothing here needs a signal or a race.
 */
export interface ResponseWriter {
  /** The client went away or the script broke off: whatever is left need not be sent. */
  readonly gone: boolean;
  open(headers: Record<string, string>): void;
  /** Waits for the client to have read enough when the socket is full. */
  write(text: string): Promise<void>;
  sleep(ms: number): Promise<void>;
  /** @param start is given what ends the wait, and returns what clears it up */
  until(start: (done: () => void) => () => void): Promise<void>;
  end(): void;
  /** Breaks the connection, after what was written. */
  reset(): Promise<void>;
}

/** @param cutAfterBytes the socket is reset once so many bytes of the body are out */
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
  response.on("error", () => {}); // a write into a socket that has just gone; `close` follows and is what counts

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

  /** Flushed to the kernel first: a reset throws away what is still queued here. */
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
