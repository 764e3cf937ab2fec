import { z } from "zod";

/**
 * Where a conversation was cut to fit a model's window. Requests that follow begin from the same cut and move it only in
 * coarse steps: what a model server has cached of a prompt stays its beginning.
 */
export const ContextCut = z.object({
  /** Turns below this ordinal are left out. */
  turn: z.int().nonnegative(),
  /** Tool outputs of turns below `elided_turn` are left out, and the first `elided_outputs` of that turn. */
  elided_turn: z.int().nonnegative(),
  elided_outputs: z.int().nonnegative(),
});
export type ContextCut = z.infer<typeof ContextCut>;

/** What a model was sent of the conversation, and what was left out to make it fit. */
export const MessageContext = z
  .object({
    /** The model that was asked; null left the choice to the server. */
    model: z.string().nullable(),
    /** The window that the request was fitted to, in tokens, and whether a server has told it. */
    window: z.int().positive(),
    window_known: z.boolean(),
    /** Earlier turns that were left out as a whole. */
    turns_dropped: z.int().nonnegative(),
    /** Tool outputs that were replaced by a line that says how to get them again, or cut. */
    outputs_elided: z.int().nonnegative(),
    /** Tokens that the request was thought to have, and the characters that this was reckoned from. */
    prompt_estimate: z.int().nonnegative(),
    prompt_characters: z.int().nonnegative(),
    /** The server counted far fewer tokens than were sent: it must have left a part out without a word. */
    truncated_by_server: z.boolean(),
    cut: ContextCut,
  })
  .meta({ id: "MessageContext" });
export type MessageContext = z.infer<typeof MessageContext>;
