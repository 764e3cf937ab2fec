import type { ContextCut, MessageContext } from "@boocode/contracts";
import type { ConversationTurn } from "./conversation-turn.ts";
import { fitContext } from "./fit-context.ts";
import { fixedCharacters } from "./measure.ts";
import type { ConversationMessage, Reply, ToolOffer } from "./ports.ts";
import {
  type BudgetSettings,
  budgetFor,
  estimateTokens,
  isTruncated,
  type OverflowFacts,
  type RecentUsage,
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
  cut: ContextCut;
  /** The model's context window in tokens; null when it is unknown. */
  window: number | null;
  usage: RecentUsage | null;
}

export type FittedRequest =
  | { fits: true; messages: ConversationMessage[]; context: MessageContext }
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
  const fixed = fixedCharacters(conversation.system, tools);
  const present: ConversationTurn = { ...conversation.present, messages: [...conversation.present.messages] };
  let { cut, window, usage } = conversation;
  // The size that a server has refused is not tried again within the turn, even if the server did not report its limit.
  let ceiling = Number.POSITIVE_INFINITY;

  return {
    fit(overflow) {
      const budget = budgetFor(settings, window, usage, overflow);
      if (overflow) {
        window = overflow.window ?? window;
        usage = overflow.promptTokens ? { ...overflow, promptTokens: overflow.promptTokens } : usage;
        ceiling = Math.min(ceiling, budget.limit);
      }
      const limit = Math.min(budget.limit, ceiling);
      const fitted = fitContext({ fixed, earlier: conversation.earlier, present, limit, cut });
      const estimate = estimateTokens(fitted.characters, budget.tokensPerCharacter);
      if (!fitted.fits) return { fits: false, estimate, window: budget.window };
      cut = fitted.cut;
      const context: MessageContext = {
        model: conversation.model,
        window: budget.window,
        window_known: budget.windowKnown,
        turns_dropped: conversation.unread + fitted.turnsDropped,
        outputs_elided: fitted.outputsElided,
        prompt_estimate: estimate,
        prompt_characters: fitted.characters,
        truncated_by_server: false,
        cut: fitted.cut,
      };
      return { fits: true, messages: fitted.messages, context };
    },
    learn(context, { promptTokens, contextSize }) {
      window = contextSize ?? window;
      if (isTruncated(promptTokens, context.prompt_estimate)) return { ...context, truncated_by_server: true };
      if (promptTokens !== null) usage = { promptTokens, characters: context.prompt_characters };
      return null;
    },
    add: (...messages) => void present.messages.push(...messages),
  };
}

/** Whether subscribers are notified that a part of the conversation was left out. */
export const leavesOut = (context: MessageContext): boolean =>
  context.turns_dropped > 0 || context.outputs_elided > 0 || context.truncated_by_server;
