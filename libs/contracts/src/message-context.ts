import { z } from "zod";

/**
 * Where a conversation was cut to fit a model's context window. Later requests begin at the same cut and move it only in
 * coarse steps, so that a model server's prompt cache stays valid.
 */
export const ContextCut = z.object({
  turn: z.int().nonnegative().describe("Turns below this ordinal are left out."),
  elided_turn: z
    .int()
    .nonnegative()
    .describe(
      "Tool outputs of turns below this ordinal are elided, and so are the first `elided_outputs` of this turn.",
    ),
  elided_outputs: z.int().nonnegative(),
});
export type ContextCut = z.infer<typeof ContextCut>;

/** The part of the conversation that was sent to the model, and what was left out to make it fit. */
export const MessageContext = z
  .object({
    model: z.string().nullable().describe("The requested model; null leaves the choice to the server."),
    window: z.int().positive().describe("The context window that the request was fitted to, in tokens."),
    window_known: z.boolean().describe("Whether a server reported the window; otherwise it is the configured default."),
    turns_dropped: z.int().nonnegative().describe("Earlier turns that were left out as a whole."),
    outputs_elided: z
      .int()
      .nonnegative()
      .describe("Tool outputs that were cut, or replaced by a line that says how to get them again."),
    prompt_estimate: z.int().nonnegative().describe("The estimated size of the request, in tokens."),
    prompt_characters: z.int().nonnegative().describe("The size of the request in characters."),
    prompt_uncorrected: z
      .int()
      .nonnegative()
      .optional()
      .describe("The estimate without the correction by the server's last count of a prompt."),
    truncated_by_server: z
      .boolean()
      .describe(
        "Whether the server counted far fewer tokens than were sent; it then probably dropped part of the prompt silently.",
      ),
    cut: ContextCut,
  })
  .meta({ id: "MessageContext" });
export type MessageContext = z.infer<typeof MessageContext>;
