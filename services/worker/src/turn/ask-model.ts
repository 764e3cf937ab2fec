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
 * more; a second refusal fails the call. So does a second reply that holds neither words nor calls, but thoughts at most.
 * @throws the signal's reason when it aborts, and defects
 */
export async function* askModel(
  { streamReply, fitter }: { streamReply: StreamReply; fitter: RequestFitter },
  { fitted: first, ...request }: Omit<ModelRequest, "messages"> & { fitted: FittedRequest },
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, ModelCallResult> {
  let fitted = first;
  let empty: Reply | null = null;
  let refitted = false;
  for (;;) {
    if (!fitted.fits) return { kind: "failed", error: tooLong(fitted) };
    const { context } = fitted;
    try {
      const reply = joined(empty, yield* stream(streamReply, { ...request, messages: fitted.messages }, signal));
      if (isEmpty(reply)) {
        if (empty !== null || reply.finishReason === "length") return { kind: "failed", error: withoutAnswer(reply) };
        empty = reply;
        continue;
      }
      const ignored = toolsIgnoredBy(reply, context, fitted.messages, request.tools);
      if (ignored) yield { type: "tools_ignored", reason: ignored };
      // A count without the tools is neither a sign of a cut prompt nor a measure of this request.
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

const isEmpty = ({ content, toolCalls }: Reply) => content.trim() === "" && toolCalls.length === 0;

/** Subscribers have seen the text of the empty reply, so it stays in front of the next one's. */
function joined(empty: Reply | null, reply: Reply): Reply {
  if (empty === null) return reply;
  return { ...reply, content: empty.content + reply.content, reasoning: empty.reasoning + reply.reasoning };
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
  characters: context.prompt_characters,
});

function tooLong({ estimate, window }: Extract<FittedRequest, { fits: false }>): TurnError {
  const message = `the question does not fit: about ${estimate} tokens with room for an answer in a window of ${window}`;
  return { code: "context_overflow", message };
}
