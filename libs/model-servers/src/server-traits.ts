import { z } from "zod";

/**
 * How a model server differs from the usual protocol. Settings (`quirks` in MODEL_SERVERS), a refused request, llama.cpp's
 * `/props` and `npm run probe` all produce traits; the worker's encoder consumes them. README has the recipe for a new one.
 */
export const ServerTraits = z.strictObject({
  /** The server rejects tool calls that are sent back without the reasoning that led to them (DeepSeek V4). */
  replay_reasoning: z.boolean().default(false),
  /** The server rejects `stream_options`. */
  no_stream_options: z.boolean().default(false),
  /** Chat templates raise an error when one message holds several tool calls (Llama 3). */
  single_tool_calls: z.boolean().default(false),
  /** The server requires `max_completion_tokens` in place of `max_tokens` (OpenAI's reasoning models). */
  max_completion_tokens: z.boolean().default(false),
  /** The server rejects any limit on the answer's tokens. */
  no_max_tokens: z.boolean().default(false),
  /** The server rejects a request that offers tools. */
  no_tools: z.boolean().default(false),
});
export type ServerTraits = z.infer<typeof ServerTraits>;
export type ServerTrait = keyof ServerTraits;

/** The traits of a server that follows the usual protocol. */
export const NO_TRAITS: Readonly<ServerTraits> = ServerTraits.parse({});
