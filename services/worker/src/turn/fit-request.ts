import type { ContextCut, MessageContext } from "@boocode/contracts";
import type { ToolOffer } from "@boocode/project-tools/ports";
import type { ConversationTurn } from "./conversation-turn.ts";
import { type Fit, fitContext, NO_CUT } from "./fit-context.ts";
import { fixedSize, requestSize } from "./measure.ts";
import type { ConversationMessage, ModelRequest, Reply } from "./ports.ts";
import {
  answerLimit,
  type Budget,
  type BudgetSettings,
  budgetFor,
  type CountedRequest,
  isTruncated,
  type OverflowFacts,
} from "./prompt-budget.ts";

/** The facts about a conversation and its model before a turn. */
export interface ConversationSoFar {
  model: string | null;
  system: string;
  /** Earlier turns, oldest first, without the unread ones. */
  earlier: readonly ConversationTurn[];
  /** The number of earlier turns that were not read. */
  unread: number;
  present: ConversationTurn;
  /** The cut of the previous request. */
  cut: ContextCut;
  /** Whether there may be room again for what the cut left out. If so, `earlier` includes that. */
  mayRestore: boolean;
  /** The model's context window in tokens; null when it is unknown. */
  window: number | null;
  counted: CountedRequest | null;
}

export type FittedRequest =
  | { fits: true; context: MessageContext; request: Pick<ModelRequest, "messages" | "maxTokens" | "sizedBy"> }
  | { fits: false; estimate: number; window: number };

/** Fits each request of a turn into the context window, and learns the window from the server's answers and errors. */
export interface RequestFitter {
  fit(overflow: OverflowFacts | null): FittedRequest;
  /** @returns the context marked as truncated when the server silently truncated the prompt; null otherwise */
  learn(context: MessageContext, reply: Reply): MessageContext | null;
  add(...messages: ConversationMessage[]): void;
}

export function createRequestFitter(
  conversation: ConversationSoFar,
  tools: readonly ToolOffer[],
  settings: BudgetSettings,
): RequestFitter {
  const fixed = fixedSize(conversation.system, tools);
  const present: ConversationTurn = { ...conversation.present, messages: [...conversation.present.messages] };
  let { cut, window, counted, mayRestore } = conversation;
  // The size that a server has refused is not tried again within the turn, even if the server did not report its limit.
  let ceiling = Number.POSITIVE_INFINITY;
  /** Lower bound of the last request's tokens. */
  let least = 0;

  const fitTo = (limit: number, from: ContextCut, earlier = conversation.earlier) =>
    fitContext({ fixed: fixed.most, earlier, present, limit, cut: from });
  /** Returns the uncorrected estimate of what was added since the server's last count. */
  const added = () => (counted ? Math.max(0, fitTo(Number.POSITIVE_INFINITY, cut).tokens - counted.estimated) : 0);

  /** Restores what the last cut left out, if fitting without that cut keeps more of the conversation. */
  function fitOrRestore(limit: number): Fit {
    const stayed = fitTo(limit, cut);
    if (!mayRestore) return stayed;
    mayRestore = false;
    const restored = fitTo(limit, NO_CUT);
    return restored.fits && stayed.fits && isEarlier(restored.cut, stayed.cut) ? restored : stayed;
  }

  /**
   * Fits the question without earlier turns if it fits by the lower estimate. Used before the first count or refusal, so that the
   * server decides.
   */
  function fitAlone(tokens: number, room: number): Fit {
    const alone = fitTo(tokens, cut, []);
    const isPossible = alone.fits && requestSize(fixed, alone.messages).least * 1.5 <= room;
    return isPossible ? { ...alone, turnsDropped: conversation.earlier.length } : { fits: false, tokens };
  }

  return {
    fit(overflow) {
      const budget = budgetFor(settings, window, counted, added(), overflow);
      if (overflow) {
        window = overflow.window ?? window;
        if (overflow.promptTokens) counted = { promptTokens: overflow.promptTokens, estimated: overflow.estimated };
        ceiling = Math.min(ceiling, budget.limit);
      }
      const limit = Math.min(budget.limit, ceiling);
      let fitted = fitOrRestore(limit);
      if (!fitted.fits && counted === null && ceiling === Number.POSITIVE_INFINITY)
        fitted = fitAlone(fitted.tokens, limit);
      const estimate = budget.correct(fitted.tokens);
      if (!fitted.fits) return { fits: false, estimate, window: budget.window };
      cut = fitted.cut;
      const size = requestSize(fixed, fitted.messages);
      least = size.least;
      const context: MessageContext = {
        model: conversation.model,
        window: budget.window,
        window_known: budget.windowKnown,
        turns_dropped: conversation.unread + fitted.turnsDropped,
        outputs_elided: fitted.outputsElided,
        prompt_estimate: estimate,
        prompt_characters: size.characters,
        prompt_uncorrected: fitted.tokens,
        truncated_by_server: false,
        cut: fitted.cut,
      };
      return {
        fits: true,
        context,
        request: {
          messages: fitted.messages,
          maxTokens: answerLimit(settings, budget.window, estimate),
          ...(!overflow && isBelow(budget, estimate) && { sizedBy: counted ? "count" : "estimate" }),
        },
      };
    },
    learn(context, { promptTokens, contextSize }) {
      window = contextSize ?? window;
      if (isTruncated(promptTokens, least)) return { ...context, truncated_by_server: true };
      if (promptTokens !== null) counted = { promptTokens, estimated: context.prompt_uncorrected ?? 0 };
      return null;
    },
    add: (...messages) => void present.messages.push(...messages),
  };
}

/** Up to this share of the window a prompt surely fits, even if its estimate is too low. */
const SURELY = 0.85;
const isBelow = ({ window, windowKnown }: Budget, estimate: number) => windowKnown && estimate <= window * SURELY;

const isEarlier = (a: ContextCut, b: ContextCut): boolean =>
  a.turn < b.turn ||
  (a.turn === b.turn &&
    (a.elided_turn < b.elided_turn || (a.elided_turn === b.elided_turn && a.elided_outputs < b.elided_outputs)));

/** Whether subscribers are notified that a part of the conversation was left out. */
export const leavesOut = (context: MessageContext): boolean =>
  context.turns_dropped > 0 || context.outputs_elided > 0 || context.truncated_by_server;
