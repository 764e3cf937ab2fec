import type { MessageContext, TurnError } from "@boocode/contracts";
import type { FittedRequest, RequestFitter } from "./fit-request.ts";
import { ModelFailure, type ModelRequest, type Reply, type StreamReply } from "./ports.ts";
import { toolsIgnoredBy } from "./sees-tools.ts";
import type { TurnEvent } from "./turn-event.ts";

/** How a model call ended. */
export type ModelCallResult =
  | { kind: "reply"; reply: Reply }
  | { kind: "failed"; error: TurnError }
  /** The answer broke off after subscribers saw a part of it. Only another attempt, which replaces it, may ask again. */
  | { kind: "broken_off"; error: TurnError };

/**
 * Makes one model call. A request that the server refuses as too long is refitted with the facts in the error and sent once
 * more; a second refusal fails the call. A reply that is not an answer is requested once more. The second time, a reply without
 * text and calls fails the call, an unparsable tool call is shown as text, and a tool call in the text of a reply that must not
 * call tools ends the turn with `tool_loop`.
 * @throws the signal's reason when it aborts, and defects
 */
export async function* askModel(
  { streamReply, fitter }: { streamReply: StreamReply; fitter: RequestFitter },
  { fitted: first, ...request }: Omit<ModelRequest, "messages" | "maxTokens" | "sizedBy"> & { fitted: FittedRequest },
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, ModelCallResult> {
  let fitted = first;
  let earlier: Reply | null = null;
  const askedAgain = new Set<Fault>();
  let refitted = false;
  for (;;) {
    if (!fitted.fits) return { kind: "failed", error: tooLong(fitted) };
    const { context } = fitted;
    try {
      const reply = joined(earlier, yield* stream(streamReply, { ...request, ...fitted.request }, signal));
      const fault = faultIn(reply, request.toolChoice);
      const isFirst = fault !== null && !askedAgain.has(fault);
      if (fault === "empty" && (!isFirst || reply.finishReason === "length"))
        return { kind: "failed", error: withoutAnswer(reply) };
      if (fault === "calls_for_words" && !isFirst) return { kind: "failed", error: TOOL_LOOP };
      if (isFirst) {
        askedAgain.add(fault);
        if (fault !== "empty" && reply.content.trim() !== "") yield { type: "text_was_reasoning" };
        earlier = fault === "empty" ? reply : { ...reply, content: "", reasoning: reply.reasoning + reply.content };
        continue;
      }
      if (fault === "broken_call") {
        const text = reply.callText ?? "";
        yield { type: "text", text };
        reply.content += text;
      }
      const ignored = toolsIgnoredBy(reply, { ...request, messages: fitted.request.messages });
      if (ignored) yield { type: "tools_ignored", reason: ignored };
      // A count that excludes the tools neither proves truncation nor measures this request.
      const truncated = ignored === "server" ? null : fitter.learn(context, reply);
      if (truncated) yield { type: "refitted", context: truncated };
      return { kind: "reply", reply };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ModelFailure)) throw error;
      const failure = { code: error.code, message: error.message };
      if (error.visible && (error.code === "model_cut" || error.passing)) return { kind: "broken_off", error: failure };
      if (error.code !== "context_overflow" || error.visible || refitted) return { kind: "failed", error: failure };
      fitted = fitter.fit(overflowFacts(error, context));
      refitted = true;
      if (fitted.fits) yield { type: "refitted", context: fitted.context };
    }
  }
}

/** The model called tools although the last request of a turn asks for text. */
export const TOOL_LOOP: TurnError = { code: "tool_loop", message: "tool loop depth exceeded" };

/** Why a reply is not an answer. */
type Fault = "empty" | "broken_call" | "calls_for_words";

function faultIn({ content, toolCalls, callText }: Reply, toolChoice: ModelRequest["toolChoice"]): Fault | null {
  if (callText !== undefined && toolChoice === "none") return "calls_for_words";
  if (callText !== undefined && toolCalls.length === 0) return "broken_call";
  return content.trim() === "" && toolCalls.length === 0 ? "empty" : null;
}

/** Subscribers have seen the text of the earlier reply, so it stays before this one's. */
function joined(earlier: Reply | null, reply: Reply): Reply {
  if (earlier === null) return reply;
  return { ...reply, content: earlier.content + reply.content, reasoning: earlier.reasoning + reply.reasoning };
}

function withoutAnswer({ finishReason, reasoning }: Reply): TurnError {
  const what =
    reasoning === "" ? "the model ended without an answer" : "the model thought, and ended without an answer";
  const cure = "it used up its answer tokens; raise MODEL_ANSWER_TOKENS, or the model's context window";
  return { code: "model_empty", message: finishReason === "length" ? `${what}: ${cure}` : `${what}, twice` };
}

async function* stream(
  streamReply: StreamReply,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, Reply> {
  let reply: Reply | null = null;
  for await (const event of streamReply(request, signal)) {
    if (event.type === "reply") reply = event.reply;
    else yield event;
  }
  if (!reply) throw new Error("the model's stream ended without a reply and without an error");
  return reply;
}

const overflowFacts = ({ overflow }: ModelFailure, context: MessageContext) => ({
  window: overflow?.window ?? null,
  promptTokens: overflow?.promptTokens ?? null,
  estimated: context.prompt_uncorrected ?? 0,
});

function tooLong({ estimate, window }: Extract<FittedRequest, { fits: false }>): TurnError {
  const message = `the question does not fit: about ${estimate} tokens with room for an answer in a window of ${window}`;
  return { code: "context_overflow", message };
}
