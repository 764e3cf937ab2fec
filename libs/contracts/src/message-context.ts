import { z } from "zod";

/**
 * Where a conversation was cut to fit a model's context window. Later requests begin at the same cut and move it only in
 * coarse steps, so that a model server's prompt cache stays valid.
 */
export const ContextCut = z.object({
  /** Turns below this ordinal are left out. */
  turn: z.int().nonnegative(),
  /** Tool outputs of turns below `elided_turn` are left out, and the first `elided_outputs` of that turn. */
  elided_turn: z.int().nonnegative(),
  elided_outputs: z.int().nonnegative(),
});
export type ContextCut = z.infer<typeof ContextCut>;

/** The part of the conversation that was sent to the model, and what was left out to make it fit. */
export const MessageContext = z
  .object({
    /** The requested model; null leaves the choice to the server. */
    model: z.string().nullable(),
    /** The context window that the request was fitted to, in tokens, and whether a server reported it. */
    window: z.int().positive(),
    window_known: z.boolean(),
    /** Earlier turns that were left out as a whole. */
    turns_dropped: z.int().nonnegative(),
    /** Tool outputs that were replaced by a line that says how to get them again, or cut. */
    outputs_elided: z.int().nonnegative(),
    /** The estimated tokens of the request, and the characters that the estimate is based on. */
    prompt_estimate: z.int().nonnegative(),
    prompt_characters: z.int().nonnegative(),
    /** The server counted far fewer tokens than were sent, so it probably dropped part of the prompt silently. */
    truncated_by_server: z.boolean(),
    cut: ContextCut,
  })
  .meta({ id: "MessageContext" });
export type MessageContext = z.infer<typeof MessageContext>;
