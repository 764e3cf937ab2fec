import type { MessageContext } from "@boocode/contracts";
import type { RunTool, ToolOffer } from "@boocode/project-tools/ports";
import { askModel, TOOL_LOOP } from "./ask-model.ts";
import { assistantMessage, toolMessage } from "./conversation-turn.ts";
import { type ConversationSoFar, createRequestFitter, type FittedRequest } from "./fit-request.ts";
import type { StreamReply } from "./ports.ts";
import type { BudgetSettings } from "./prompt-budget.ts";
import { runCalls } from "./run-calls.ts";
import type { TurnEvent } from "./turn-event.ts";

/** The conversation so far, with this turn's committed steps; it is not changed. */
export interface TurnInput extends ConversationSoFar {
  /** The first step to run: 0, or the step after the last one that an earlier attempt committed. */
  step: number;
  /** The model server requires that its reasoning is sent back, together with the calls that it led to. */
  replayReasoning: boolean;
}

export interface TurnDeps {
  streamReply: StreamReply;
  runTool: RunTool;
  tools: ToolOffer[];
  /** Follow-up model calls after the first. The last of them requests text. */
  maxDepth: number;
  budget: BudgetSettings;
}

/**
 * The assistant: calls the model, runs the requested tools concurrently, and calls the model again, until it answers with
 * text. This code does no I/O of its own: no HTTP, Redis or SQL.
 * @throws the signal's reason when it aborts, and defects; a failed model call is a `failed` event
 */
export async function* runTurn(deps: TurnDeps, input: TurnInput, signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
  const fitter = createRequestFitter(input, deps.tools, deps.budget);
  /** The request of a step; null when there may be no further one. */
  const requestOf = (step: number) => (step > deps.maxDepth ? null : fitter.fit(null));
  let fitted = requestOf(input.step);
  yield { type: "step_started", step: input.step, context: contextOf(fitted) };
  for (let step = input.step; ; step++) {
    if (!fitted) {
      // The model called tools although the last call requested text. The tools have run; the turn fails here.
      yield { type: "failed", error: TOOL_LOOP };
      return;
    }
    const request = {
      fitted,
      model: input.model,
      system: input.system,
      tools: deps.tools,
      toolChoice: step === deps.maxDepth ? ("none" as const) : ("auto" as const),
    };
    const result = yield* askModel({ streamReply: deps.streamReply, fitter }, request, signal);
    if (result.kind !== "reply") {
      yield { type: result.kind, error: result.error };
      return;
    }
    const { reply } = result;
    if (reply.toolCalls.length === 0) {
      yield { type: "answered", reply };
      return;
    }
    yield { type: "tools_called", reply };
    const outcomes = yield* runCalls(deps.runTool, reply.toolCalls, signal);
    fitter.add(assistantMessage(reply, input.replayReasoning));
    for (const { output, result } of outcomes) fitter.add(toolMessage(result, output));
    // Before the step is committed, because that commit begins the next step's message.
    fitted = requestOf(step + 1);
    yield { type: "step_finished", step, reply, outcomes, next: contextOf(fitted) };
  }
}

const contextOf = (request: FittedRequest | null): MessageContext | null => (request?.fits ? request.context : null);
