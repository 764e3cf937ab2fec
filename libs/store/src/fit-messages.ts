// PURE
import { type Message, shareJsonBytes } from "@boocode/contracts";

const jsonBytesOf = (message: Message) => Buffer.byteLength(JSON.stringify(message));

/** Cuts a message that takes more than `room` bytes of JSON, first the arguments of its calls, if these alone take half. */
export function fitMessage(message: Message, room: number): Message {
  if (jsonBytesOf(message) <= room) return message;
  const isLong = Buffer.byteLength(JSON.stringify(message.tool_calls)) > room / 2;
  const toolCalls = isLong
    ? (message.tool_calls?.map((call) => ({ ...call, arguments: {} })) ?? null)
    : message.tool_calls;
  const bare: Message = { ...message, content: "", tool_calls: toolCalls, shortened: true };
  if (bare.reasoning !== null) bare.reasoning = "";
  const texts = [message.content, message.reasoning ?? ""];
  const [content = "", reasoning = ""] = shareJsonBytes(texts, Math.max(0, room - jsonBytesOf(bare)));
  return { ...bare, content, reasoning: bare.reasoning === null ? null : reasoning };
}

/**
 * The newest of the messages whose JSON fits into `room` bytes, and at least one. What Postgres stores says only roughly how much
 * that is: a control character takes six bytes.
 * @param messages oldest first, as the result
 */
export function fitNewest(messages: readonly Message[], room: number): Message[] {
  let left = room;
  const first = messages.findLastIndex((message) => {
    left -= jsonBytesOf(message) + 1;
    return left < 0;
  });
  const fitting = messages.slice(first + 1);
  const newest = messages.at(-1);
  return fitting.length > 0 || !newest ? fitting : [fitMessage(newest, room)];
}
