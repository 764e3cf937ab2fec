import { cleanText } from "@boocode/contracts";
import type { ModelRequest } from "../../turn/ports.ts";
import { createCallIds } from "./call-ids.ts";
import { toMessages } from "./to-messages.ts";
import { toTools } from "./to-tools.ts";

/** What is known of the server that gets the request. */
export interface Peer {
  model: string;
  streamOptions: boolean;
  /** Its chat template raises when a message holds several calls. */
  singleCalls: boolean;
  /** It refuses tool calls that come back without the thoughts that led to them. */
  replayReasoning?: boolean;
}

/** The body of a chat completion request that every known server and chat template accepts, for any history. */
export function toRequest(request: ModelRequest, peer: Peer): Record<string, unknown> {
  const tools = toTools(request.tools);
  const callIds = createCallIds(peer.model);
  return {
    model: cleanText(peer.model),
    messages: toMessages(request.system, request.messages, {
      callIds,
      singleCalls: peer.singleCalls,
      replayReasoning: peer.replayReasoning ?? false,
    }),
    stream: true,
    ...(peer.streamOptions && { stream_options: { include_usage: true } }),
    // An empty list of tools is refused, and so is a choice among none.
    ...(tools.length > 0 && { tools, tool_choice: request.toolChoice }),
    ...(tools.length > 0 && peer.singleCalls && { parallel_tool_calls: false }),
  };
}
