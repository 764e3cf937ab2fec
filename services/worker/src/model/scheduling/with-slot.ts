import type { StreamReply } from "../../turn/ports.ts";

/** Waits for a slot; the returned function frees it. @param onWait called once, when no slot is free at once */
export type TakeSlot = (model: string, signal: AbortSignal, onWait: () => void) => Promise<() => void>;

/** Holds a slot for each request, from before it is sent until its last byte is read. */
export function withSlot(stream: StreamReply, takeSlot: TakeSlot): StreamReply {
  return async function* (request, signal) {
    let waits = () => {};
    const waiting = new Promise<"waiting">((resolve) => {
      waits = () => resolve("waiting");
    });
    // If the consumer stops while waiting for the slot, the slot must not stay taken.
    const gone = new AbortController();
    const taking = takeSlot(request.model ?? "", AbortSignal.any([signal, gone.signal]), waits);
    try {
      if ((await Promise.race([taking, waiting])) === "waiting") {
        yield { type: "waiting", reason: "slot", retryInMs: null };
      }
      await taking;
      yield* stream(request, signal);
    } finally {
      gone.abort();
      taking.then(
        (free) => free(),
        () => {},
      );
    }
  };
}
