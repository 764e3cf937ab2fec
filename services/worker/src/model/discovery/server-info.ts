// PURE
import type { ServerTraits } from "@boocode/model-servers";
import { asObject, filled, isObject, type JsonObject } from "../json-value.ts";

/** llama.cpp's `/props`: the window of one slot, which is what a conversation can use. */
export function windowFromLlamaProps(answer: unknown): number | null {
  return size(asObject(asObject(answer).default_generation_settings).n_ctx);
}

/**
 * llama.cpp's `/props` reports templates that allow one tool call per message (Llama 3: "only supports single tool-calls at
 * once").
 */
export function traitsFromLlamaProps(answer: unknown): Partial<ServerTraits> {
  const { supports_parallel_tool_calls } = asObject(asObject(answer).chat_template_caps);
  return supports_parallel_tool_calls === false ? { single_tool_calls: true } : {};
}

/** llama.cpp's `/props`: whether the chat template renders tools; null when the response does not say. */
export function toolSupportFromLlamaProps(answer: unknown): boolean | null {
  const { supports_tools } = asObject(asObject(answer).chat_template_caps);
  return typeof supports_tools === "boolean" ? supports_tools : null;
}

/** llama.cpp's `/props`: how many requests it serves concurrently; further ones wait. Null when the response does not say. */
export function slotsFromLlamaProps(answer: unknown): number | null {
  return size(asObject(answer).total_slots);
}

/**
 * `/v1/models`: llama.cpp's `meta.n_ctx`, vLLM's `max_model_len`, and the names that routers use. llama.cpp's `n_ctx_train`
 * is ignored: it is the size that the model was trained with, not the window.
 */
export function windowFromModelList(answer: unknown, model: string): number | null {
  const entry = entryOf(Array.isArray(answer) ? answer : asObject(answer).data, model);
  return (
    size(asObject(entry.meta).n_ctx) ??
    size(entry.max_model_len) ??
    size(entry.loaded_context_length) ??
    size(entry.context_length) ??
    size(entry.max_context_length) ??
    size(entry.context_window) ??
    size(asObject(entry.top_provider).context_length)
  );
}

/** Ollama's `/api/ps`: the window allocated for the loaded model. */
export function windowFromOllamaRunning(answer: unknown, model: string): number | null {
  return size(entryOf(asObject(answer).models, model).context_length);
}

/** Ollama's `/api/show`: the configured window, else the trained size, which Ollama may not have allocated. */
export function windowFromOllamaShow(answer: unknown): number | null {
  const { parameters, model_info } = asObject(answer);
  const configured = /^num_ctx\s+(\d+)/m.exec(filled(parameters) ?? "");
  if (configured) return size(Number(configured[1]));
  const info = asObject(model_info);
  const key = `${info["general.architecture"]}.context_length`;
  return size(info[key] ?? info[Object.keys(info).find((name) => name.endsWith(".context_length")) ?? key]);
}

/** The model's entry. If the list has only one entry, it is used whatever its name. */
function entryOf(list: unknown, model: string): JsonObject {
  const entries = Array.isArray(list) ? list.filter(isObject) : [];
  const named = entries.find(({ id, name, model: own, aliases }) => {
    const names = [id, name, own, ...(Array.isArray(aliases) ? aliases : [])];
    return names.includes(model) || names.includes(`${model}:latest`);
  });
  return named ?? (entries.length === 1 ? (entries[0] as JsonObject) : {});
}

function size(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : null;
}
