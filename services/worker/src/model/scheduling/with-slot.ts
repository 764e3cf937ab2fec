import type { StreamReply } from "../../turn/ports.ts";

/** Waits for a place, and frees it. @param onWait told once, when there is none at once */
export type TakeSlot = (model: string, signal: AbortSignal, onWait: () => void) => Promise<() => void>;

/** Sends a request only while it has a place at the server, from before it is sent until the last byte was read. */
export function withSlot(stream: StreamReply, takeSlot: TakeSlot): StreamReply {
  return async function* (request, signal) {
    let waits = () => {};
    const waiting = new Promise<"waiting">((resolve) => {
      waits = () => resolve("waiting");
    });
    // A reader of the events that goes away while it waits for the place must not leave it taken.
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
