import { describe, expect, it } from "vitest";
import {
  slotsFromLlamaProps,
  toolSupportFromLlamaProps,
  traitsFromLlamaProps,
  windowFromLlamaProps,
  windowFromModelList,
  windowFromOllamaRunning,
  windowFromOllamaShow,
} from "./server-info.ts";

describe("slotsFromLlamaProps", () => {
  it("reads the number of requests that llama-server serves concurrently", () => {
    expect(slotsFromLlamaProps({ total_slots: 4 })).toBe(4);
    for (const answer of [{}, null, { total_slots: 0 }, { total_slots: "4" }])
      expect(slotsFromLlamaProps(answer)).toBeNull();
  });
});

describe("the size of a model's window", () => {
  it("is that of llama.cpp's slot, never the trained size", () => {
    expect(windowFromLlamaProps({ default_generation_settings: { n_ctx: 8192 } })).toBe(8192);
    expect(windowFromModelList({ data: [{ id: "m", meta: { n_ctx_train: 262144 } }] }, "m")).toBeNull();
  });

  it.each([
    { meta: { n_ctx: 4096, n_ctx_train: 262144 } },
    { max_model_len: 4096 },
    { context_length: 4096 },
    { max_context_length: 4096 },
    { loaded_context_length: 4096, max_context_length: 131072 },
    { top_provider: { context_length: 4096 } },
  ])("is found in a list of models as %j", (entry) => {
    const data = [
      { id: "other", max_model_len: 1 },
      { id: "m", ...entry },
    ];
    expect(windowFromModelList({ data }, "m")).toBe(4096);
    expect(windowFromModelList(data, "m")).toBe(4096);
    expect(windowFromModelList({ data }, "third")).toBeNull();
  });

  it("is what Ollama allocated, else the configured size, else the trained size", () => {
    expect(windowFromOllamaRunning({ models: [{ name: "m:latest", context_length: 4096 }] }, "m")).toBe(4096);
    const model_info = { "general.architecture": "qwen3", "qwen3.context_length": 40960 };
    expect(windowFromOllamaShow({ parameters: "stop x\nnum_ctx    8192", model_info })).toBe(8192);
    expect(windowFromOllamaShow({ model_info })).toBe(40960);
    expect(windowFromOllamaShow({ model_info: { "qwen3.context_length": 40960 } })).toBe(40960);
  });

  it("is unknown for any other answer", () => {
    for (const answer of [null, [], "x", { data: null }, { data: [{ id: "m", max_model_len: "4096" }] }]) {
      expect([
        windowFromLlamaProps(answer),
        windowFromModelList(answer, "m"),
        windowFromOllamaRunning(answer, "m"),
        windowFromOllamaShow(answer),
      ]).toEqual([null, null, null, null]);
    }
  });
});

it("llama.cpp reports whether the chat template renders tools", () => {
  const support = (supports_tools: unknown) => toolSupportFromLlamaProps({ chat_template_caps: { supports_tools } });
  expect([false, true, undefined, "no"].map(support)).toEqual([false, true, null, null]);
  expect([null, {}, [], "x"].map(toolSupportFromLlamaProps)).toEqual([null, null, null, null]);
});

describe("traitsFromLlamaProps", () => {
  it("finds single_tool_calls only when the template says so", () => {
    expect(traitsFromLlamaProps({ chat_template_caps: { supports_parallel_tool_calls: false } })).toEqual({
      single_tool_calls: true,
    });
    expect(traitsFromLlamaProps({ chat_template_caps: {} })).toEqual({});
    expect(traitsFromLlamaProps(null)).toEqual({});
  });
});
