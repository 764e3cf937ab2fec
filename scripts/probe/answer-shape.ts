/** Describes the chunks of an answer in words; pure. */

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const choiceOf = (chunk: Json): Json => object(Array.isArray(chunk.choices) ? chunk.choices[0] : undefined);
const deltaOf = (chunk: Json): Json => object(choiceOf(chunk).delta);
const hasUsage = (chunk: Json) => typeof chunk.usage === "object" && chunk.usage !== null;

/** On which chunks token counts are sent. */
export function usageShape(chunks: readonly Json[]): string {
  const carrying = chunks.filter(hasUsage);
  if (carrying.length === 0) return "none";
  if (carrying.length > 1) return "on every chunk";
  const [chunk] = carrying as [Json];
  if (Array.isArray(chunk.choices) && chunk.choices.length === 0) return "on a chunk of its own";
  return choiceOf(chunk).finish_reason ? "on the finish chunk" : "on a chunk after the finish";
}

/** The field in which reasoning is sent. */
export function reasoningShape(chunks: readonly Json[]): string {
  const has = (field: string) =>
    chunks.some((chunk) => typeof deltaOf(chunk)[field] === "string" && deltaOf(chunk)[field] !== "");
  const fields = ["reasoning_content", "reasoning"].filter(has);
  if (fields.length > 0) return fields.join(" and ");
  const text = chunks.map((chunk) => deltaOf(chunk).content ?? "").join("");
  return text.trimStart().startsWith("<think>") ? "inline, in <think>" : "none";
}

export interface ToolCallShape {
  calls: number;
  ids: string;
  indexes: string;
  arguments: string;
}

/** How tool calls are sent: what distinguishes them, and whether their arguments come in pieces. */
export function toolCallShape(chunks: readonly Json[]): ToolCallShape {
  const deltas = chunks.flatMap((chunk) => {
    const calls = deltaOf(chunk).tool_calls;
    return Array.isArray(calls) ? calls.map(object) : [];
  });
  const heads = deltas.filter((delta) => object(delta.function).name);
  const names = heads.length;
  const ids = deltas.map(({ id }) => id).filter((id) => id !== undefined && id !== null);
  const indexes = deltas.map(({ index }) => index).filter((index) => typeof index === "number");
  const said = deltas.map((delta) => object(delta.function).arguments);
  return {
    calls: names,
    ids: idShape(ids, names),
    indexes:
      indexes.length === 0 ? "missing" : names > 1 && new Set(indexes).size === 1 ? "the same for all" : "counted",
    arguments: said.some((text) => typeof text === "object" && text !== null)
      ? "as objects"
      : said.filter((text) => typeof text === "string" && text !== "").length > names
        ? "in pieces"
        : "whole",
  };
}

function idShape(ids: unknown[], calls: number): string {
  if (ids.length === 0) return "missing";
  if (ids.every((id) => id === "")) return "empty";
  const different = new Set(ids.filter((id) => id !== "")).size;
  return different > calls ? "another on each fragment" : different < calls ? "repeated" : "one for each call";
}

/** The server's count of prompt tokens; null when it sent none. */
export function promptTokensOf(chunks: readonly Json[]): number | null {
  const counts = chunks.map((chunk) => object(chunk.usage).prompt_tokens);
  return counts.findLast((count): count is number => typeof count === "number") ?? null;
}

export const textOf = (chunks: readonly Json[]): string => chunks.map((chunk) => deltaOf(chunk).content ?? "").join("");
export const reasoningOf = (chunks: readonly Json[]): string =>
  chunks.map((chunk) => deltaOf(chunk).reasoning_content ?? deltaOf(chunk).reasoning ?? "").join("");
export const finishOf = (chunks: readonly Json[]): unknown =>
  chunks.map((chunk) => choiceOf(chunk).finish_reason).find(Boolean) ?? null;
