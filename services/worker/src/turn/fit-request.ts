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

/** What is known of a conversation and its model before a turn. */
export interface ConversationSoFar {
  model: string | null;
  system: string;
  /** Earlier turns, oldest first; those that `unread` counts are not among them. */
  earlier: readonly ConversationTurn[];
  unread: number;
  present: ConversationTurn;
  cut: ContextCut;
  /** The model's window in tokens; null when nobody tells it. */
  window: number | null;
  usage: RecentUsage | null;
}

export type FittedRequest =
  | { fits: true; messages: ConversationMessage[]; context: MessageContext }
  | { fits: false; estimate: number; window: number };

/** Fits each request of a turn into the window, and learns of the window from what the server says. */
export interface RequestFitter {
  fit(overflow: OverflowFacts | null): FittedRequest;
  /** @returns the context with the server's silence about a truncation told; null when there was none */
  learn(context: MessageContext, reply: Reply): MessageContext | null;
  add(...messages: ConversationMessage[]): void;
}

export function createRequestFitter(
  so: ConversationSoFar,
  tools: readonly ToolOffer[],
  settings: BudgetSettings,
): RequestFitter {
  const fixed = fixedCharacters(so.system, tools);
  const present: ConversationTurn = { ...so.present, messages: [...so.present.messages] };
  let { cut, window, usage } = so;
  // What a server has refused once is not tried again within the turn, even if it did not say where its limit is.
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
      const fitted = fitContext({ fixed, earlier: so.earlier, present, limit, cut });
      const estimate = estimateTokens(fitted.characters, budget.tokensPerCharacter);
      if (!fitted.fits) return { fits: false, estimate, window: budget.window };
      cut = fitted.cut;
      const context: MessageContext = {
        model: so.model,
        window: budget.window,
        window_known: budget.windowKnown,
        turns_dropped: so.unread + fitted.turnsDropped,
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

/** Whether anything was left out that people should be told of. */
export const leavesOut = (context: MessageContext): boolean =>
  context.turns_dropped > 0 || context.outputs_elided > 0 || context.truncated_by_server;
