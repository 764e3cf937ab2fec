import { type ChatRequest, lastUserIndex, stepOf, textOf } from "./chat-request.ts";
import { readDirective, withoutDirectives } from "./directive.ts";
import { nextMove } from "./investigator/next-move.ts";
import { asksForTitle, titleOf } from "./investigator/title.ts";
import { plainReply, planReply } from "./reply/plan-reply.ts";
import type { Reply } from "./reply/reply.ts";
import type { Script, ScriptQuirks } from "./script.ts";

export const INVESTIGATOR = "investigator";

/** The source of the answer to a request, chosen before the attempt is counted. */
export interface Answer {
  answeredBy: string;
  key: string;
  step: number;
  reply: (attempt: number) => Reply;
}

export interface AnswerSources {
  scripts: Record<string, Script>;
  /** Defaults for every answer; a script overrides them. */
  quirks: ScriptQuirks;
  investigatorIntervalMs: number;
  now: () => number;
}

/**
 * Chooses the answer to a request. A directive in the last question takes precedence over the model's name.
 *
 * @returns null when neither a script nor the investigator has that name
 * @throws an Error with the text of a 400 when the directive is invalid
 */
export function chooseAnswer(request: ChatRequest, sources: AnswerSources): Answer | null {
  const { scripts, quirks, investigatorIntervalMs, now } = sources;
  const { messages } = request;
  const question = textOf(messages[lastUserIndex(messages)] ?? {});
  const directive = readDirective(question);
  const script = directive ?? (Object.hasOwn(scripts, request.model) ? scripts[request.model]! : null);
  if (!script && request.model !== INVESTIGATOR) return null;

  const step = stepOf(messages);
  const key = script?.key ?? (withoutDirectives(question) || question).slice(0, 200);
  const offered = request.tools.map((tool) => tool.function);
  const mayCallTools = offered.length > 0 && request.tool_choice !== "none";
  const plain = (text: string) => plainReply({ text, calls: [], intervalMs: investigatorIntervalMs, quirks });

  if (asksForTitle(messages, offered)) {
    const title = script?.title;
    return {
      answeredBy: "title",
      key: `title:${key}`,
      step,
      reply: (attempt) =>
        title ? planReply(title, { attempt, step, mayCallTools: false, quirks, now }) : plain(titleOf(messages)),
    };
  }
  if (script) {
    const answeredBy = directive ? "directive" : request.model;
    return {
      answeredBy,
      key,
      step,
      reply: (attempt) => planReply(script, { attempt, step, mayCallTools, quirks, now }),
    };
  }
  return {
    answeredBy: INVESTIGATOR,
    key,
    step,
    reply() {
      const move = nextMove(messages, mayCallTools ? offered : []);
      if ("text" in move) return plain(move.text);
      const calls = move.toolCalls.map(({ name, input }) => ({ name, arguments: JSON.stringify(input) }));
      return plainReply({ text: "", calls, intervalMs: investigatorIntervalMs, quirks });
    },
  };
}
