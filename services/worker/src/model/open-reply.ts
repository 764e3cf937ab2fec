import { Response } from "undici";
import type { ModelRequest } from "../turn/ports.ts";
import { learnWindow } from "./context-overflow.ts";
import type { ContextSize } from "./context-size.ts";
import { type OpenStreamDeps, openStream } from "./open-stream.ts";
import { toRequest } from "./to-request.ts";

export interface OpenReplyDeps extends OpenStreamDeps {
  contextSize: Pick<ContextSize, "learn"> & Partial<Pick<ContextSize, "singleCallsOnly">>;
  /** Servers that refuse `stream_options` send the usage anyway; what was learned is kept for the next request. */
  streamOptions: { refused: boolean };
  /** What is known of the server from its settings. */
  quirks?: { replayReasoning?: boolean; singleCalls?: boolean; noStreamOptions?: boolean };
}

/**
 * Asks for one answer, in the form that this server understands.
 *
 * @returns a response that is a success
 * @throws ModelFailure, or the signal's reason
 */
export async function openReply(
  deps: OpenReplyDeps,
  model: string,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<Response> {
  const singleCalls = deps.quirks?.singleCalls || (deps.contextSize.singleCallsOnly?.(model) ?? false);
  const replayReasoning = deps.quirks?.replayReasoning ?? false;
  const send = (streamOptions: boolean) =>
    openStream(deps, toRequest(request, { model, streamOptions, singleCalls, replayReasoning }), signal);

  let answer = await send(!deps.streamOptions.refused);
  if (!(answer instanceof Response) && !deps.streamOptions.refused && refusesStreamOptions(answer)) {
    answer = await send(false);
    deps.streamOptions.refused = answer instanceof Response;
  }
  if (answer instanceof Response) return answer;
  learnWindow(deps.contextSize.learn, model, answer.error);
  throw answer.failure;
}

function refusesStreamOptions({ failure, body }: { failure: { status: number | null }; body: string }): boolean {
  const status = failure.status ?? 0;
  return status >= 400 && status < 500 && body.includes("stream_options");
}
