import type { ServerResponse } from "node:http";
import { sendJson } from "../http.ts";
import { timingsOf } from "./chunks.ts";
import { hold } from "./hold.ts";
import type { Playback } from "./play-reply.ts";
import { allOf, type Reply } from "./reply.ts";

/** Sends a reply without streaming. Holds apply, the pace does not, and every early end resets the connection. */
export async function answerWhole(reply: Reply, playback: Playback, response: ServerResponse): Promise<void> {
  for (const stop of reply.stops) {
    if (stop.type !== "hold") return playback.writer.reset();
    if (stop.at !== "headers") await hold(stop, { ...playback, keepAliveMs: null });
  }
  if (!playback.writer.gone) sendJson(response, 200, completion(reply, playback));
}

/** The `chat.completion` object of llama.cpp. */
function completion(reply: Reply, { names, promptTokens, newId }: Playback): unknown {
  const usage = {
    promptTokens,
    completionTokens: reply.text.count + reply.reasoning.count + reply.calls.length * 10,
  };
  const calls = reply.calls.map((call) => ({
    id: newId(),
    type: "function",
    function: { name: call.name, arguments: call.arguments },
  }));
  const message = {
    role: "assistant",
    content: "h".repeat(reply.hugeDelta) + allOf(reply.text),
    ...(reply.reasoning.count > 0 ? { reasoning_content: allOf(reply.reasoning) } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  return {
    choices: [{ finish_reason: reply.finishReason, index: 0, message }],
    created: names.created,
    id: names.id,
    model: names.model,
    system_fingerprint: "scripted",
    object: "chat.completion",
    usage: {
      completion_tokens: usage.completionTokens,
      prompt_tokens: usage.promptTokens,
      total_tokens: usage.promptTokens + usage.completionTokens,
    },
    timings: timingsOf(usage, 1),
  };
}
