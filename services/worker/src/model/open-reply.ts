import { Response } from "undici";
import type { ModelRequest } from "../turn/ports.ts";
import type { ContextSize } from "./discovery/context-size.ts";
import { type KnownTraits, traitRevealedBy } from "./discovery/known-traits.ts";
import { toRequest } from "./encode/to-request.ts";
import { learnWindow } from "./failures/context-overflow.ts";
import { type SendRequestDeps, sendRequest } from "./send-request.ts";

export interface OpenReplyDeps extends SendRequestDeps {
  contextSize: Pick<ContextSize, "learn">;
  traits: KnownTraits;
}

/**
 * Requests one reply, encoded for the server's known traits. If a refusal reveals another trait, the request is sent again in
 * a form that respects it; a trait is learned when such a request succeeds.
 *
 * @returns a successful response whose body has not been read
 * @throws ModelFailure, or the signal's reason when it aborts
 */
export async function openReply(
  deps: OpenReplyDeps,
  model: string,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<Response> {
  const traits = deps.traits.of(model);
  for (;;) {
    const answer = await sendRequest(deps, toRequest(request, model, traits), signal);
    if (answer instanceof Response) {
      deps.traits.learn(model, traits);
      return answer;
    }
    const revealed = traitRevealedBy({ status: answer.failure.status, body: answer.body }, traits);
    if (revealed === null) {
      learnWindow(deps.contextSize.learn, model, answer.error);
      throw answer.failure;
    }
    traits[revealed] = true;
  }
}
