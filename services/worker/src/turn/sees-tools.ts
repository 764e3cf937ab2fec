import type { MessageContext, ToolsIgnored } from "@boocode/contracts";
import { toolsCharacters } from "./measure.ts";
import type { ConversationMessage, Reply, ToolOffer } from "./ports.ts";

/** No tokenizer makes tokens of more characters than this on average, of prose, code or JSON. */
const LONGEST_TOKENS = 8;

/**
 * Whether the reply shows that its model was not shown the tools: its template has no place for them, or the server counted
 * fewer tokens than the request has with the tools, but enough for the request without them. A count below that is not one of
 * the whole prompt: some servers leave out what they had cached, or truncate.
 * @param context of the request, as it was before the reply
 */
export function toolsIgnoredBy(
  { toolCalls, seesTools, promptTokens }: Reply,
  { prompt_characters: withTools }: MessageContext,
  messages: readonly ConversationMessage[],
  tools: readonly ToolOffer[],
): ToolsIgnored["reason"] | null {
  const hasCalled = toolCalls.length > 0 || messages.some(({ role }) => role === "tool");
  if (tools.length === 0 || hasCalled) return null;
  if (seesTools === false) return "template";
  if (promptTokens === null) return null;
  const without = withTools - toolsCharacters(tools);
  return promptTokens < withTools / LONGEST_TOKENS && promptTokens >= without / LONGEST_TOKENS ? "server" : null;
}
