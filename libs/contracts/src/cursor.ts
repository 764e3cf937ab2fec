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

/** Opaque to clients: they keep it and give it back. */
export const Cursor = z.string().max(64).regex(CURSOR, "not a cursor").meta({
  description: "A place in a session's turn frames; keep it and give it back",
  example: "3.1.k2v9x0ab.17",
});
export type Cursor = z.infer<typeof Cursor>;
