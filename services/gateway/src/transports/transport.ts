import type { CloseReason } from "@boocode/contracts";
import type { Batch } from "./batch.ts";

/** How frames reach one subscriber: a WebSocket or an event stream. */
export interface Transport {
  /**
   * Sends one frame without waiting. What the peer does not read adds to `unsent`.
   * @param id the cursor or version after this frame, which an event stream sends as its event id; null for none
   */
  send(json: string | Buffer, id: string | null): void;
  /** Sends the frames `from … to - 1` of a batch in the same way, in one write. */
  relay(batch: Batch, from: number, to: number): void;
  /** Bytes that were sent but not yet accepted by the kernel. */
  unsent(): number;
  /** Sends the reason and closes. */
  close(reason: CloseReason): void;
  /** Closes at once, without a reason. */
  terminate(): void;
}
