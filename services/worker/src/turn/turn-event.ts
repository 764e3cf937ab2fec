import type { MessageContext, ToolsIgnored, TurnError } from "@boocode/contracts";
import type { ToolOutcome } from "@boocode/project-tools/ports";
import type { Reply, WaitEvent } from "./ports.ts";

/** The events of a turn, in order. Each event is written before the next one is produced. To add a variant, see the README. */
export type TurnEvent =
  /** The first model call begins. `step` counts from 0 within the turn. `context` is null when no request is sent. */
  | { type: "step_started"; step: number; context: MessageContext | null }
  /** Replaces the context of the model call: the request was refitted, or the server truncated it. */
  | { type: "refitted"; context: MessageContext }
  | WaitEvent
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** All text of this message so far was reasoning: some models mark only the end of their reasoning. */
  | { type: "text_was_reasoning" }
  /** The reply shows that the model was not shown the tools. At most once per attempt. */
  | { type: "tools_ignored"; reason: ToolsIgnored["reason"] }
  /** The model's reply requests tools, which have not run yet. */
  | { type: "tools_called"; reply: Reply }
  /** The tools have run, and the next model call begins, with the context `next`. The outcomes are in the order of the calls. */
  | { type: "step_finished"; step: number; reply: Reply; outcomes: ToolOutcome[]; next: MessageContext | null }
  /** The model answered with text: the last event of a successful turn. */
  | { type: "answered"; reply: Reply }
  /** The answer was cut after subscribers saw a part of it: the last event of an attempt that is to be retried. */
  | { type: "broken_off"; error: TurnError }
  /** The last event of a failed turn. */
  | { type: "failed"; error: TurnError };
