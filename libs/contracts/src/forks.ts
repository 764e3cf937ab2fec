import { z } from "zod";
import { Id, Name } from "./primitives.ts";

/** The most that a fork copies. One statement does it, within its time limit also on a busy machine. */
export const MAX_FORK = { messages: 10_000, bytes: 64 * 1024 * 1024 };

export const ForkSession = z
  .strictObject({
    turn_id: Id.describe("The last turn that is copied. It must have ended, and so must those before it."),
    name: Name.optional().describe("Absent: one that names the source."),
  })
  .meta({ id: "ForkSession" });
export type ForkSession = z.infer<typeof ForkSession>;
