import { cleanText } from "@boocode/contracts";
import type { ServerTraits } from "@boocode/model-servers";
import type { ModelRequest } from "../../turn/ports.ts";
import { createCallIds } from "./call-ids.ts";
import { toMessages } from "./to-messages.ts";
import { toTools } from "./to-tools.ts";

/** Encodes a chat completion request that every known server and chat template accepts, whatever the history holds. */
export function toRequest(request: ModelRequest, model: string, traits: ServerTraits): Record<string, unknown> {
  const tools = traits.no_tools ? [] : toTools(request.tools);
  return {
    model: cleanText(model),
    messages: toMessages(request.system, request.messages, createCallIds(), traits),
    stream: true,
    ...(!traits.no_max_tokens && {
      [traits.max_completion_tokens ? "max_completion_tokens" : "max_tokens"]: request.maxTokens,
    }),
    ...(!traits.no_stream_options && { stream_options: { include_usage: true } }),
    // Servers reject an empty list of tools, and a tool choice without tools.
    ...(tools.length > 0 && { tools, tool_choice: request.toolChoice }),
    ...(tools.length > 0 && traits.single_tool_calls && { parallel_tool_calls: false }),
  };
}
