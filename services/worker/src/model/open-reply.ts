import { Response } from "undici";
import type { ModelRequest } from "../turn/ports.ts";
import type { ContextSize } from "./discovery/context-size.ts";
import { toRequest } from "./encode/to-request.ts";
import { learnWindow } from "./failures/context-overflow.ts";
import { type Refusal, type SendRequestDeps, sendRequest } from "./send-request.ts";

export interface OpenReplyDeps extends SendRequestDeps {
  contextSize: Pick<ContextSize, "learn"> & Partial<Pick<ContextSize, "singleCallsOnly">>;
  /** What the server has refused so far: it is not sent again. */
  refused: Refused;
  /** What is known of the server from its settings. */
  quirks?: { replayReasoning?: boolean; singleCalls?: boolean; noStreamOptions?: boolean };
}

export interface Refused {
  /** Servers that refuse `stream_options` send the usage anyway. */
  streamOptions: boolean;
  /** Models whose template raises when a message holds several calls: without this a session that has them never answers again. */
  severalCalls: Set<string>;
  /** Servers that refuse calls which come back without the thoughts that led to them. */
  missingThoughts: boolean;
}

export const nothingRefused = (): Refused => ({
  streamOptions: false,
  severalCalls: new Set(),
  missingThoughts: false,
});

/**
 * Asks for one answer, in the form that this server understands: one that it refuses is changed, once, and remembered.
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
  const { refused, quirks } = deps;
  let streamOptions = !(quirks?.noStreamOptions || refused.streamOptions);
  let replayReasoning = quirks?.replayReasoning || refused.missingThoughts;
  let singleCalls =
    quirks?.singleCalls || refused.severalCalls.has(model) || (deps.contextSize.singleCallsOnly?.(model) ?? false);
  for (;;) {
    const body = toRequest(request, { model, streamOptions, singleCalls, replayReasoning });
    const answer = await sendRequest(deps, body, signal);
    if (answer instanceof Response) {
      if (!streamOptions) refused.streamOptions = true;
      if (singleCalls) refused.severalCalls.add(model);
      if (replayReasoning) refused.missingThoughts = true;
      return answer;
    }
    if (streamOptions && refusesStreamOptions(answer)) streamOptions = false;
    else if (!singleCalls && refusesSeveralCalls(answer)) singleCalls = true;
    else if (!replayReasoning && missesThoughts(answer)) replayReasoning = true;
    else {
      learnWindow(deps.contextSize.learn, model, answer.error);
      throw answer.failure;
    }
  }
}

function refusesStreamOptions({ failure, body }: Refusal): boolean {
  const status = failure.status ?? 0;
  return status >= 400 && status < 500 && body.includes("stream_options");
}

/** Llama 3 templates: "This model only supports single tool-calls at once!" */
const refusesSeveralCalls = ({ body }: Refusal): boolean => /only supports single tool.?calls/i.test(body);

/** DeepSeek: "must be passed back to the API"; Moonshot: "is missing in assistant tool call message at index 2". */
const missesThoughts = ({ body }: Refusal): boolean =>
  /reasoning_content.{0,80}(must be passed back|is missing|is required)/i.test(body);
