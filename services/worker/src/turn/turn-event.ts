import type { MessageContext, TurnError } from "@boocode/contracts";
import type { Reply, ToolOutcome, WaitEvent } from "./ports.ts";

/** What happens in a turn, in order. Each event is played before the next one is made. */
export type TurnEvent =
  /** A model call begins; `step` counts them from 0 within the turn. `context` is null when nothing is sent. */
  | { type: "step_started"; step: number; context: MessageContext | null }
  /** What is sent, or what became of it, is not what `step_started` said. */
  | { type: "refitted"; context: MessageContext }
  | WaitEvent
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** All text so far of this message was a thought: the model does not say that it thinks, only that it has thought. */
  | { type: "text_was_reasoning" }
  /** The model has spoken and asks for tools, which have not run yet. */
  | { type: "tools_called"; reply: Reply }
  /** The tools have answered, in the order of the calls. */
  | { type: "step_finished"; step: number; reply: Reply; outcomes: ToolOutcome[] }
  /** The model has answered in words: the last event of a turn that went well. */
  | { type: "answered"; reply: Reply }
  /** The last event of an attempt whose answer was cut after words were seen: the step is to be done again. */
  | { type: "broken_off"; error: TurnError }
  /** The last event of a turn that went wrong. */
  | { type: "failed"; error: TurnError };
