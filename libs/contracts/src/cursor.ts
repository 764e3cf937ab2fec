import { z } from "zod";
import { CURSOR } from "./position.ts";

export {
  classifyPosition,
  compareEpochs,
  type Epoch,
  formatCursor,
  type Position,
  parseCursor,
  START,
  sameEpoch,
} from "./position.ts";

/** Opaque to clients: they store it, and send it back to go on from there. */
export const Cursor = z.string().max(64).regex(CURSOR, "not a cursor").meta({
  description: "An opaque position in a session's turn frames; send it back to go on from there",
  example: "3.1.k2v9x0ab.17",
});
export type Cursor = z.infer<typeof Cursor>;
