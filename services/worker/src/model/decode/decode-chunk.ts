import { asObject, count, filled, isObject, type JsonObject, parseJson } from "../json-value.ts";

/** A fragment of a tool call from one delta. A field is null when the server omitted it. */
export interface ToolCallDelta {
  id: string | null;
  index: number | null;
  name: string | null;
  /** Text to append, or an object from servers that do not encode the arguments as a string. */
  arguments: string | JsonObject | null;
  /** Keys outside the protocol. Gemini rejects the next request unless its thought signature is sent back. */
  extra: JsonObject;
}

/** What one chunk adds to the reply, in the same shape for all servers. */
export interface ChunkFacts {
  text: string;
  reasoning: string;
  toolCalls: ToolCallDelta[];
  finishReason: string | null;
  promptTokens: number | null;
  completionTokens: number | null;
  /** Parts of the two counts. */
  cachedTokens: number | null;
  reasoningTokens: number | null;
  /** llama.cpp's own measurements. */
  timings: JsonObject | null;
  model: string | null;
  /** The chunk is a proxy's loading message: nothing in it comes from the model. */
  loading: boolean;
}

export type Chunk =
  | { kind: "facts"; facts: ChunkFacts }
  /** `error` is the object, text or whole frame that describes the error. */
  | { kind: "error"; error: unknown }
  | { kind: "done" }
  /** Neither JSON nor the end marker. */
  | { kind: "garbage" };

/** Decodes the payload of one event: several chunks, one per line, if a gateway omits the blank lines between them. */
export function decodeEvent(data: string): Chunk[] {
  const whole = decodeChunk(data);
  if (whole.kind !== "garbage") return [whole];
  const lines = data.split("\n").map(decodeChunk);
  return lines.some(({ kind }) => kind === "garbage") ? [whole] : lines;
}

/** Decodes text outside events. An error may follow other text, or be in an incomplete line. */
export function decodeLoose(text: string): Chunk {
  const whole = decodeChunk(text);
  const tail = whole.kind === "garbage" ? /\{\s*"(?:src|error)".*$/s.exec(text)?.[0] : undefined;
  return tail === undefined ? whole : decodeChunk(tail);
}

/** Decodes one chunk. Checks for an error first, because an error may come with or without `choices`. */
export function decodeChunk(data: string): Chunk {
  if (data.trim() === "[DONE]") return { kind: "done" };
  const parsed = parseJson(data);
  const value = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!isObject(value)) return { kind: "garbage" };
  const error = errorIn(value);
  return error === undefined ? { kind: "facts", facts: factsOf(value) } : { kind: "error", error };
}

/** @returns undefined when the chunk holds no error. */
function errorIn(value: JsonObject): unknown {
  if (value.error === true) return value;
  if (value.error !== undefined && value.error !== null && value.error !== false && value.error !== "")
    return value.error;
  if (value.object === "error") return value;
  const choice = firstChoice(value);
  if (choice.error !== undefined && choice.error !== null) return choice.error;
  if (choice.finish_reason === "error") return { message: "the model server reported an error", ...value };
  if ("choices" in value || "usage" in value) return undefined;
  if (value.detail !== undefined && value.detail !== null) return value;
  // Gateways use other field names. MiniMax sends a status in each chunk; 0 means success.
  const { status_code, status_msg } = asObject(value.base_resp);
  if (status_code) return { message: status_msg, code: status_code };
  if (isObject(value.errors) || (Array.isArray(value.errors) && value.errors.length > 0)) return value.errors;
  const message = filled(value.message) ?? filled(value.msg) ?? filled(value.error_msg);
  return message === null ? undefined : { ...value, message, ...("error_code" in value && { code: value.error_code }) };
}

function factsOf(value: JsonObject): ChunkFacts {
  const choice = firstChoice(value);
  const delta = asObject(choice.delta ?? choice.message);
  const content = textOf(delta.content);
  const loading = isLoadingChatter(value, choice);
  const usage = [value.usage, choice.usage, asObject(value.x_groq).usage].find(isObject) ?? {};
  const said = reasoningOf(delta) ?? content.reasoning;
  return {
    // A refusal replaces the content, and must not look like an empty answer.
    text: content.text || (filled(delta.refusal) ?? ""),
    reasoning: said,
    toolCalls: toolCallsOf(delta),
    finishReason: filled(choice.finish_reason),
    promptTokens: count(usage.prompt_tokens),
    completionTokens: count(usage.completion_tokens),
    // DeepSeek has a field of its own.
    cachedTokens: count(asObject(usage.prompt_tokens_details).cached_tokens) ?? count(usage.prompt_cache_hit_tokens),
    reasoningTokens: count(asObject(usage.completion_tokens_details).reasoning_tokens),
    timings: isObject(value.timings) ? value.timings : null,
    model: filled(value.model),
    loading: loading && said !== "",
  };
}

/** llama-swap reports that it is loading a model as reasoning, in chunks without the usual keys of a model's chunks. */
function isLoadingChatter(value: JsonObject, choice: JsonObject): boolean {
  const marked = "id" in value || "object" in value || "index" in choice || "finish_reason" in choice;
  const { reasoning_content, content, tool_calls } = asObject(choice.delta);
  return !marked && filled(reasoning_content) !== null && !content && !tool_calls;
}

function firstChoice(value: JsonObject): JsonObject {
  return asObject(Array.isArray(value.choices) ? value.choices[0] : undefined);
}

/** Content is a string or, from Mistral, an array of parts, some of which are reasoning. */
function textOf(content: unknown): { text: string; reasoning: string } {
  if (typeof content === "string") return { text: content, reasoning: "" };
  let text = "";
  let reasoning = "";
  for (const item of Array.isArray(content) ? content : []) {
    const part = asObject(item);
    if (typeof item === "string") text += item;
    else if (part.type === "thinking" || part.type === "reasoning") reasoning += joined(part.thinking ?? part.text);
    else text += filled(part.text) ?? filled(part.refusal) ?? "";
  }
  return { text, reasoning };
}

/** Servers often send the same reasoning in two fields, so only the first field that is not empty is used. */
function reasoningOf(delta: JsonObject): string | null {
  return filled(delta.reasoning_content) ?? filled(delta.reasoning) ?? filled(joined(delta.reasoning_details));
}

function joined(parts: unknown): string {
  if (typeof parts === "string") return parts;
  if (!Array.isArray(parts)) return "";
  return parts.map((part) => filled(asObject(part).text) ?? filled(asObject(part).summary) ?? "").join("");
}

function toolCallsOf(delta: JsonObject): ToolCallDelta[] {
  const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls.filter(isObject) : [];
  // The protocol's original form of a tool call: a single call without an id.
  if (calls.length === 0 && isObject(delta.function_call))
    return [toolCallOf({ index: 0, function: delta.function_call })];
  return calls.map(toolCallOf);
}

function toolCallOf(call: JsonObject): ToolCallDelta {
  const { id, index, type: _type, function: inner, ...rest } = call;
  const said = asObject(inner);
  return {
    // Old llama.cpp versions put the id inside `function`.
    id: filled(id) ?? filled(said.id),
    index: typeof index === "string" ? count(Number.parseInt(index, 10)) : typeof index === "number" ? index : null,
    name: filled(said.name),
    arguments: argumentsOf(said.arguments),
    extra: Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)),
  };
}

function argumentsOf(said: unknown): ToolCallDelta["arguments"] {
  if (said === null || said === undefined) return null;
  return typeof said === "string" ? filled(said) : isObject(said) ? said : JSON.stringify(said);
}
