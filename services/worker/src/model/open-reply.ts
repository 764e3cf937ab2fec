import type { ServerAnswer } from "@boocode/model-servers";
import type { ModelRequest } from "../turn/ports.ts";
import type { ContextSize } from "./discovery/context-size.ts";
import { type KnownTraits, traitRevealedBy } from "./discovery/known-traits.ts";
import { toRequest } from "./encode/to-request.ts";
import { answerLimitIn } from "./failures/answer-limit.ts";
import { learnWindow } from "./failures/context-overflow.ts";
import { type SendRequestDeps, sendRequest } from "./send-request.ts";

export interface OpenReplyDeps extends SendRequestDeps {
  contextSize: Pick<ContextSize, "learn">;
  traits: KnownTraits;
}

/** Each refusal reveals a trait or lowers the limit; the refusal of the last request is final. */
const MAX_REQUESTS = 10;

/**
 * Requests one reply, encoded for the server's known traits. If a refusal reveals another trait, or a lower limit of the answer's
 * tokens, the request is sent again accordingly. What was revealed is learned once such a request succeeds.
 *
 * @returns a successful response whose body has not been read
 * @throws ModelFailure, or the signal's reason when it aborts
 */
export async function openReply(
  deps: OpenReplyDeps,
  model: string,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<ServerAnswer> {
  const traits = deps.traits.of(model);
  let maxTokens = Math.min(request.maxTokens, deps.traits.mostAnswerTokens(model));
  let lasting: number | null = null;
  for (let round = 1; ; round++) {
    const answer = await sendRequest(deps, toRequest({ ...request, maxTokens }, model, traits), signal);
    if (!("failure" in answer)) {
      deps.traits.learn(model, traits);
      if (lasting !== null) deps.traits.learnMostAnswerTokens(model, lasting);
      return answer;
    }
    learnWindow(deps.contextSize.learn, model, answer.error);
    const limit = traits.no_max_tokens ? null : answerLimitIn(answer.error, maxTokens);
    const revealed = traitRevealedBy({ status: answer.failure.status, body: answer.body }, traits);
    if (round === MAX_REQUESTS) throw answer.failure;
    if (limit !== null && limit.tokens >= (limit.lasts ? 1 : leastRoom(request.maxTokens))) {
      maxTokens = limit.tokens;
      if (limit.lasts) lasting = limit.tokens;
    } else if (revealed !== null) traits[revealed] = true;
    else throw answer.failure;
  }
}

/** In tokens. If the window leaves less beside the prompt, the refusal counts as an overflow, so that the prompt is cut. */
const leastRoom = (asked: number) => Math.min(1_024, Math.ceil(asked / 8));
