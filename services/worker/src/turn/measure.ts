import type { ToolOffer } from "@boocode/project-tools/ports";
import { estimateTokens } from "./estimate-tokens.ts";
import type { ConversationMessage } from "./ports.ts";

/** The size of a part of a request: its characters, and bounds of its tokens (see `TokenEstimate`). */
export interface Size {
  characters: number;
  most: number;
  least: number;
}

/** Tokens that a chat template adds around a message, and around a call or a tool. */
const AROUND_MESSAGE = 5;
const AROUND_CALL = 8;

/** Cached, because messages do not change and each request contains all earlier ones. */
const sizes = new WeakMap<ConversationMessage, Size>();

/** Returns the size of a message as it is sent to a model. */
export function messageSize(message: ConversationMessage): Size {
  const known = sizes.get(message);
  if (known) return known;
  const calls = message.role === "assistant" ? message.toolCalls : [];
  const parts = [message.content, ...calls.flatMap((call) => [call.name, JSON.stringify(call.arguments)])];
  if (message.role === "assistant" && message.reasoning) parts.push(message.reasoning);
  const size = sizeOf(parts, AROUND_MESSAGE + calls.length * AROUND_CALL);
  sizes.set(message, size);
  return size;
}

/** Returns the upper estimate of the messages' tokens. */
export const messagesTokens = (messages: readonly ConversationMessage[]): number =>
  messages.reduce((sum, message) => sum + messageSize(message).most, 0);

/** Returns the size of the messages and of what every request contains. */
export function requestSize(fixed: Size, messages: readonly ConversationMessage[]): Size {
  return messages.map(messageSize).reduce(plus, fixed);
}

/** Cached, because every turn has the same tools, whose schemas are much longer than most prompts. */
const toolSizes = new WeakMap<readonly ToolOffer[], Size>();

/** Returns the size of what every request contains: the system prompt and the schemas of the tools. */
export function fixedSize(system: string, tools: readonly ToolOffer[]): Size {
  const known = toolSizes.get(tools);
  const schemas = known ? [] : tools.flatMap((tool) => [tool.name, tool.description, JSON.stringify(tool.parameters)]);
  const offered = known ?? sizeOf(schemas, tools.length * AROUND_CALL);
  toolSizes.set(tools, offered);
  return plus(systemSize(system), offered);
}

/** Cached, because all turns of a session, and mostly of a project, have the same one, and each asks several times. */
const systemSizes = new Map<string, Size>();
const MOST_SYSTEMS = 100;

function systemSize(system: string): Size {
  const size = systemSizes.get(system) ?? sizeOf([system], AROUND_MESSAGE);
  // The one that was not asked for the longest is the first.
  systemSizes.delete(system);
  systemSizes.set(system, size);
  const [oldest] = systemSizes.keys();
  if (systemSizes.size > MOST_SYSTEMS && oldest !== undefined) systemSizes.delete(oldest);
  return size;
}

function sizeOf(texts: readonly string[], around: number): Size {
  const sized = texts.map((text) => ({ characters: text.length, ...estimateTokens(text) }));
  return sized.reduce(plus, { characters: 0, most: around, least: around });
}

const plus = (a: Size, b: Size): Size => ({
  characters: a.characters + b.characters,
  most: a.most + b.most,
  least: a.least + b.least,
});
