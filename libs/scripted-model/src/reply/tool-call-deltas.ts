import type { Quirks } from "../script.ts";
import type { ReplyCall } from "./reply.ts";

/**
 * The contents of the deltas of one tool call. As in llama.cpp, the first has the id and the name, and two more have the
 * arguments; quirks change that.
 *
 * @param newId returns a new id each time
 */
export function toolCallDeltas(call: ReplyCall, index: number, newId: () => string, quirks: Quirks): string[] {
  const id = idFor(call, index, newId, quirks);
  const position: Record<string, unknown> = { counted: { index }, zero: { index: 0 }, missing: {} }[quirks.index];
  const idOf = (first: boolean): Record<string, unknown> => {
    if (quirks.ids === "missing") return {};
    if (quirks.ids === "empty") return { id: "" };
    if (quirks.ids === "per_fragment") return { id: first ? id : newId() };
    return first ? { id } : {};
  };
  const fragment = (first: boolean, fields: Record<string, unknown>) =>
    `"tool_calls":[${JSON.stringify({ ...position, ...idOf(first), ...(first ? { type: "function" } : {}), function: fields })}]`;

  if (quirks.whole_arguments || quirks.object_arguments) {
    const whole = quirks.object_arguments ? asObject(call.arguments) : call.arguments;
    return [fragment(true, { name: call.name, arguments: whole })];
  }
  const [name, ...nameRest] = quirks.name_fragments ? halves(call.name) : [call.name];
  return [
    fragment(true, { name, arguments: "" }),
    ...nameRest.map((rest) => fragment(false, { name: rest })),
    ...halves(call.arguments).map((part) =>
      fragment(false, { ...(quirks.nulls ? { name: null } : {}), arguments: part }),
    ),
  ];
}

function idFor({ name }: ReplyCall, index: number, newId: () => string, { ids }: Quirks): string {
  if (ids === "repeated") return `call_${index}`;
  return ids === "odd" ? `functions.${name}:${index} ${"x".repeat(40)}` : newId();
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((part) => part !== "");
}

function asObject(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
