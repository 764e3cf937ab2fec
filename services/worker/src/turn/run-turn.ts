import type { TurnError } from "@boocode/contracts";
import {
  type ConversationMessage,
  ModelFailure,
  type Reply,
  type RunTool,
  type StreamReply,
  type ToolOffer,
  type ToolOutcome,
} from "./ports.ts";

/** What happens in a turn, in order. Each event is played before the next one is made. */
export type TurnEvent =
  /** A model call begins; `step` counts them from 0 within the turn. */
  | { type: "step_started"; step: number }
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** The model has spoken and asks for tools, which have not run yet. */
  | { type: "tools_called"; reply: Reply }
  /** The tools have answered, in the order of the calls. */
  | { type: "step_finished"; step: number; reply: Reply; outcomes: ToolOutcome[] }
  /** The model has answered in words: the last event of a turn that went well. */
  | { type: "answered"; reply: Reply }
  /** The last event of a turn that went wrong. */
  | { type: "failed"; error: TurnError };

export interface TurnInput {
  model: string | null;
  system: string;
  /** The conversation so far, with this turn's committed steps; it is not changed. */
  messages: readonly ConversationMessage[];
  /** The first step to run: 0, or the one after the last committed step of an earlier attempt. */
  step: number;
}

export interface TurnDeps {
  streamReply: StreamReply;
  runTool: RunTool;
  tools: ToolOffer[];
  /** Follow-up model calls after the first; the last of them is asked for words. */
  maxDepth: number;
}

/**
 * The assistant: calls the model, runs the tools that it asks for side by side, and calls it again, until it answers in
 * words. Knows nothing of HTTP, Redis or SQL.
 * @throws what `signal` was aborted with, and defects; a model that fails is a `failed` event
 */
export async function* runTurn(deps: TurnDeps, input: TurnInput, signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
  const messages = [...input.messages];
  for (let step = input.step; ; step++) {
    yield { type: "step_started", step };
    if (step > deps.maxDepth) {
      // The model called tools although the last call asked for words: they ran, and here it ends.
      yield { type: "failed", error: { code: "tool_loop", message: "tool loop depth exceeded" } };
      return;
    }
    let reply: Reply | null = null;
    try {
      const request = {
        model: input.model,
        system: input.system,
        messages,
        tools: deps.tools,
        toolChoice: step === deps.maxDepth ? ("none" as const) : ("auto" as const),
      };
      for await (const event of deps.streamReply(request, signal)) {
        if (event.type === "reply") reply = event.reply;
        else yield event;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ModelFailure)) throw error;
      yield { type: "failed", error: { code: error.code, message: error.message } };
      return;
    }
    if (!reply) throw new Error("the model's stream ended without a reply and without an error");
    if (reply.toolCalls.length === 0) {
      yield { type: "answered", reply };
      return;
    }
    yield { type: "tools_called", reply };
    const outcomes = await Promise.all(reply.toolCalls.map((call) => deps.runTool(call, signal)));
    yield { type: "step_finished", step, reply, outcomes };
    messages.push({ role: "assistant", content: reply.content, toolCalls: reply.toolCalls });
    for (const { output, result } of outcomes) messages.push(toolMessage(result, output));
  }
}

/** A tool's answer as the model reads it: a failed one says so in its first word. */
export function toolMessage(
  result: { tool_call_id: string; name: string; error: string | null },
  output: string,
): ConversationMessage {
  const content = result.error === null ? output : `error: ${result.error}`;
  return { role: "tool", toolCallId: result.tool_call_id, name: result.name, content };
}
