import { cleanText, type ToolCall } from "@boocode/contracts";
import type { ServerTraits } from "@boocode/model-servers";
import type { ConversationMessage } from "../../turn/ports.ts";
import { cleanValue, isObject, type JsonObject } from "../json-value.ts";

interface WireCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
  extra_content?: unknown;
}

export type WireMessage =
  | { role: "system" | "user"; content: string }
  | { role: "assistant"; content: string; tool_calls?: WireCall[]; reasoning_content?: string }
  | { role: "tool"; tool_call_id: string; content: string };

/** Maps a call's id to its id in the request. */
type CallIds = (id: string) => string;

const NO_OUTPUT = "(no output)";
const NO_RESULT = "(no result: the call was interrupted)";
/** Stands in for reasoning that was not stored: DeepSeek rejects a conversation in which a call has none. */
const NO_THOUGHTS = "(none)";
const INTERRUPTED = "(interrupted)";
const GO_ON = "Please go on.";

type Assistant = Extract<ConversationMessage, { role: "assistant" }>;
type ToolMessage = Extract<ConversationMessage, { role: "tool" }>;

/**
 * Encodes a history so that every server and chat template accepts it, whatever was cancelled, deleted or cut: one system
 * message comes first; user and assistant alternate; every call is followed directly by its one result, in order; the last
 * message is one to answer. Every rule is needed, because one rejected message makes all later requests fail.
 */
export function toMessages(
  system: string,
  history: ConversationMessage[],
  callIds: CallIds,
  traits: ServerTraits,
): WireMessage[] {
  const messages: WireMessage[] = [];
  const answers = new Set<ToolMessage>();
  history.forEach((message, at) => {
    if (message.role === "user") addUser(messages, message.content);
    if (message.role === "assistant")
      addAssistant(messages, message, resultsAfter(history, at, answers), callIds, traits);
    // Tool messages are added after their calls; one without a call is dropped.
  });
  if (messages.at(-1)?.role !== "user" && messages.at(-1)?.role !== "tool") addUser(messages, GO_ON);
  const told = cleanText(system);
  return told.trim() === "" ? messages : [{ role: "system", content: told }, ...messages];
}

/** Mistral's and Gemma's templates reject two user messages in a row, and a user message right after a tool message. */
function addUser(messages: WireMessage[], content: string): void {
  const text = cleanText(content);
  if (text.trim() === "") return;
  const last = messages.at(-1);
  if (last?.role === "tool") messages.push({ role: "assistant", content: INTERRUPTED });
  if (last?.role === "user") last.content = `${last.content}\n\n${text}`;
  else messages.push({ role: "user", content: text });
}

function addAssistant(
  messages: WireMessage[],
  { content, toolCalls, reasoning }: Assistant,
  results: (call: ToolCall) => string,
  callIds: CallIds,
  traits: ServerTraits,
): void {
  const text = cleanText(content);
  const said = text.trim() === "" ? "" : text;
  if (said === "" && toolCalls.length === 0) return;
  // Templates require a question before the first answer; a shortened history may have lost it.
  if (messages.length === 0) addUser(messages, GO_ON);
  const last = messages.at(-1);
  let current: Extract<WireMessage, { role: "assistant" }>;
  if (last?.role === "assistant") {
    current = last;
    current.content = [last.content, said].filter((part) => part !== "").join("\n\n");
  } else {
    current = { role: "assistant", content: said };
    messages.push(current);
  }
  const thoughts = cleanText(reasoning ?? "").trim();
  if (traits.replay_reasoning && thoughts !== "") current.reasoning_content = thoughts;
  const groups = traits.single_tool_calls ? toolCalls.map((call) => [call]) : toolCalls.length > 0 ? [toolCalls] : [];
  groups.forEach((group, place) => {
    if (place > 0) {
      current = { role: "assistant", content: "" };
      messages.push(current);
    }
    const calls = group.map((call) => wireCall(call, callIds(call.id)));
    current.tool_calls = calls;
    if (traits.replay_reasoning) current.reasoning_content = thoughts || NO_THOUGHTS;
    group.forEach((call, index) => {
      messages.push({ role: "tool", tool_call_id: (calls[index] as WireCall).id, content: results(call) });
    });
  });
}

/** Finds a call's result among the tool messages up to the next message with calls. */
function resultsAfter(history: ConversationMessage[], at: number, taken: Set<ToolMessage>): (call: ToolCall) => string {
  return (call) => {
    for (const message of history.slice(at + 1)) {
      if (message.role === "assistant" && message.toolCalls.length > 0) break;
      if (message.role !== "tool" || message.toolCallId !== call.id || taken.has(message)) continue;
      taken.add(message);
      const content = cleanText(message.content);
      return content.trim() === "" ? NO_OUTPUT : content;
    }
    return NO_RESULT;
  };
}

/** Arguments must be a JSON object in the request, or llama.cpp, Ollama and others reject the whole conversation. */
function wireCall(call: ToolCall, id: string): WireCall {
  const value = isObject(call.arguments) ? call.arguments : { _raw: String(call.arguments) };
  return {
    id,
    type: "function",
    function: { name: wireName(call.name), arguments: JSON.stringify(cleanValue(value)) },
    ...extraContent(call.extra),
  };
}

function wireName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "unknown";
}

/** Keeps only `extra_content`: Gemini needs the thought signature in it, and strict servers reject unknown keys. */
function extraContent(extra: JsonObject | undefined): { extra_content?: unknown } {
  return isObject(extra?.extra_content) ? { extra_content: cleanValue(extra.extra_content) } : {};
}
