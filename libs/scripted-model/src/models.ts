import type { ScriptQuirks } from "./script.ts";

/** `GET /v1/models`, in the format of llama-swap with loaded llama.cpp models. */
export function modelList(names: string[], contextSize: number | null, status: Record<string, string>): unknown {
  return {
    object: "list",
    data: names.map((id) => ({
      id,
      object: "model",
      created: 1_790_000_000,
      owned_by: "scripted-model",
      ...(contextSize === null ? {} : { meta: { n_ctx: contextSize, n_ctx_train: contextSize } }),
      status: { value: status[id] ?? "loaded" },
    })),
  };
}

/** `GET /slots` of llama.cpp: the requests that are being generated. */
export function slots(requests: readonly { id: number; ending: string | null; survives: boolean }[]): unknown {
  const busy = requests.filter(({ ending, survives }) => ending === null || (ending === "disconnected" && survives));
  return busy.map(({ id }) => ({ id, is_processing: true })).concat([{ id: 0, is_processing: false }]);
}

/** `GET /props` of llama.cpp. `default_generation_settings.n_ctx` is the context window of one slot: the real limit. */
export function props(model: string, contextSize: number, quirks: ScriptQuirks): unknown {
  return {
    default_generation_settings: { params: {}, n_ctx: contextSize },
    // This server answers all requests at once.
    total_slots: 1_000,
    model_alias: model,
    model_path: `/scripted/${model}`,
    chat_template: "",
    chat_template_caps: {
      supports_tools: !quirks.ignores_tools,
      supports_tool_calls: true,
      supports_parallel_tool_calls: !quirks.single_tool_calls,
      supports_system_role: true,
    },
    build_info: "scripted",
    is_sleeping: false,
  };
}
