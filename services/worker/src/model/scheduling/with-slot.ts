import { linkAbort } from "@boocode/runtime";
import type { ModelRequest, StreamReply } from "../../turn/ports.ts";

/**
 * Waits for a slot; the returned function frees it.
 * @param onWait called when no slot is free at once, and when the number of requests ahead has changed
 */
export type TakeSlot = (
  request: ModelRequest,
  signal: AbortSignal,
  onWait: (ahead: number) => void,
) => Promise<() => void>;

/** Made once: without a reason, each abort makes an exception with its stack. */
const GONE = new Error("the request needs no slot any more");

/** Holds a slot for each request, from before it is sent until its last byte is read. */
export function withSlot(stream: StreamReply, takeSlot: TakeSlot): StreamReply {
  return async function* (request, signal) {
    let ahead: number | null = null;
    let wake = () => {};
    // If the consumer stops while waiting for the slot, the slot must not stay taken.
    const gone = linkAbort(signal);
    const taking = takeSlot(request, gone.signal, (now) => {
      ahead = now;
      wake();
    });
    try {
      for (let taken = false; !taken; ) {
        const told = new Promise<false>((resolve) => {
          wake = () => resolve(false);
          if (ahead !== null) wake();
        });
        taken = await Promise.race([taking.then(() => true), told]);
        if (!taken && ahead !== null) yield { type: "waiting", reason: "slot", retryInMs: null, ahead };
        ahead = null;
      }
      yield* stream(request, signal);
    } finally {
      gone.abort(GONE);
      gone.release();
      taking.then(
        (free) => free(),
        () => {},
      );
    }
  };
}
