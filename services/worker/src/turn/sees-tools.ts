import type { ToolsIgnored } from "@boocode/contracts";
import { fixedSize, requestSize, type Size } from "./measure.ts";
import type { ModelRequest, Reply } from "./ports.ts";

/** No tokenizer averages more characters per token than this in prose, code or JSON without long runs of whitespace. */
const LONGEST_TOKENS = 8;

/**
 * Whether the reply shows that its model was not shown the tools: its template does not render them, or the server counted
 * fewer tokens than the request has with the tools, but enough for the request without them. A lower count does not
 * cover the whole prompt: some servers omit cached tokens, or truncate.
 */
export function toolsIgnoredBy(
  { toolCalls, seesTools, promptTokens }: Reply,
  { system, messages, tools }: Pick<ModelRequest, "system" | "messages" | "tools">,
): ToolsIgnored["reason"] | null {
  const hasCalled = toolCalls.length > 0 || messages.some(({ role }) => role === "tool");
  if (tools.length === 0 || hasCalled) return null;
  if (seesTools === false) return "template";
  if (promptTokens === null) return null;
  const [all, text] = [tools, []].map((offered) => fewestTokens(requestSize(fixedSize(system, offered), messages)));
  return promptTokens < (all as number) && promptTokens >= (text as number) ? "server" : null;
}

/** Returns a lower bound. Blank lines, for example, have much longer tokens; the estimate takes this into account. */
const fewestTokens = ({ characters, least }: Size) => Math.min(characters / LONGEST_TOKENS, least);
