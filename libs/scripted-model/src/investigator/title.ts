import { type ChatMessage, lastUserIndex, type OfferedTool, textOf } from "../chat-request.ts";
import { withoutDirectives } from "../directive.ts";

const ASKS = /\btitle\b|\bname (?:for )?(?:this|the|a) (?:session|conversation|chat)\b/i;
const MAX_WORDS = 6;

/** Whether a request asks for a session's title: it has no tools and its instructions mention a title. */
export function asksForTitle(messages: ChatMessage[], tools: OfferedTool[]): boolean {
  if (tools.length > 0 || messages.some((message) => message.role === "tool")) return false;
  const instructions = messages.filter((message) => message.role === "system" || message.role === "developer");
  const last = messages[lastUserIndex(messages)];
  return [...instructions, ...(last ? [last] : [])].some((message) => ASKS.test(textOf(message)));
}

/** The first words of the first question, at most six. */
export function titleOf(messages: ChatMessage[]): string {
  const questions = messages.filter((message) => message.role === "user").map(textOf);
  const question = questions.find((text) => !ASKS.test(text)) ?? quotedQuestion(questions[0] ?? "");
  const words = withoutDirectives(question)
    .replace(/[`"'*#>[\]{}()]/g, " ")
    .split(/\s+/)
    .filter(Boolean);
  const title = words
    .slice(0, MAX_WORDS)
    .join(" ")
    .replace(/[\s.,;:!?-]+$/, "");
  return title === "" ? "Code investigation" : title.charAt(0).toUpperCase() + title.slice(1, 80);
}

/** When the instruction and the conversation are one message, the question follows a label or is the last paragraph. */
function quotedQuestion(text: string): string {
  const labelled = /^(?:user|question|first message)\s*:\s*(.+)$/im.exec(text)?.[1];
  return (
    labelled ??
    text
      .trim()
      .split(/\n{2,}/)
      .at(-1) ??
    text
  );
}
