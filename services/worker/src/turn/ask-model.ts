import type { MessageContext, TurnError } from "@boocode/contracts";
import type { FittedRequest, RequestFitter } from "./fit-request.ts";
import { ModelFailure, type ModelRequest, type Reply, type StreamReply } from "./ports.ts";
import type { TurnEvent } from "./turn-event.ts";

/** How a model call ended. */
export type Asked =
  | { kind: "reply"; reply: Reply }
  | { kind: "failed"; error: TurnError }
  /** The answer was cut after words of it were seen: only another attempt may say it again. */
  | { kind: "broken_off"; error: TurnError };

/**
 * Asks the model once. A request that is too long all the same is made smaller by what the server said and sent once more;
 * a second refusal is the end, so that there is never a loop.
 * @throws what `signal` was aborted with, and defects
 */
export async function* askModel(
  streamReply: StreamReply,
  fitter: RequestFitter,
  first: FittedRequest,
  request: Omit<ModelRequest, "messages">,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, Asked> {
  let fitted = first;
  for (let compacted = false; ; compacted = true) {
    if (!fitted.fits) return { kind: "failed", error: tooLong(fitted) };
    const { context } = fitted;
    if (compacted) yield { type: "refitted", context };
    try {
      const reply = yield* stream(streamReply, { ...request, messages: fitted.messages }, signal);
      const truncated = fitter.learn(context, reply);
      if (truncated) yield { type: "refitted", context: truncated };
      return { kind: "reply", reply };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ModelFailure)) throw error;
      const told = { code: error.code, message: error.message };
      if (error.code === "model_cut" && error.visible) return { kind: "broken_off", error: told };
      if (error.code !== "context_overflow" || error.visible || compacted) return { kind: "failed", error: told };
      fitted = fitter.fit(overflowFacts(error, context));
    }
  }
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
