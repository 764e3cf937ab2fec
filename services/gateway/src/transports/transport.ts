import type { CloseReason } from "@boocode/contracts";

/** How frames reach one subscriber: a WebSocket or an event stream. */
export interface Transport {
  /**
   * Sends one frame without waiting. What the peer does not read adds to `unsent`.
   * @param id the cursor or version after this frame, which an event stream sends as its event id; null for none
   */
  send(json: string | Buffer, id: string | null): void;
  /** Bytes that were sent but not yet accepted by the kernel. */
  unsent(): number;
  /** Sends the reason and closes. */
  close(reason: CloseReason): void;
  /** Closes at once, without a reason. */
  terminate(): void;
}
