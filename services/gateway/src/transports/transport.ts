import type { CloseReason } from "@boocode/contracts";

/** One subscriber's way out, a WebSocket or an event stream. */
export interface Transport {
  /**
   * Sends one frame. Nothing waits: `unsent` tells how much the peer has not read.
   * @param id where the subscriber stands after this frame; an event stream gives it as the event's id
   */
  send(json: string | Buffer, id: string | null): void;
  /** Bytes that were sent and that the peer's socket has not taken. */
  unsent(): number;
  /** Ends it politely, with a reason of the contracts' table. */
  close(reason: CloseReason): void;
  /** Ends it at once. */
  terminate(): void;
}
