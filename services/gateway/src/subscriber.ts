import type { Position } from "@boocode/contracts";
import type { Transport } from "./transport.ts";

/**
 * One subscriber of a session.
 *
 * `joining`: waits for the topic's next pass. `live`: gets frames as they come. `behind`: has not read what it was sent, gets
 * nothing, and joins again from its cursor once it has read.
 */
export interface Subscriber {
  readonly transport: Transport;
  /** null until the first join of a subscriber that brought no cursor. */
  cursor: Position | null;
  /** The newest structural version that this subscriber was told of; null before `subscribed`. */
  version: number | null;
  mode: "joining" | "live" | "behind";
  behindSince: number;
}

export function createSubscriber(transport: Transport, cursor: Position | null): Subscriber {
  return { transport, cursor, version: null, mode: "joining", behindSince: 0 };
}
