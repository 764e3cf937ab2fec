import type { Quirks } from "../script.ts";

export interface Usage {
  promptTokens: number;
  completionTokens: number;
}

/** Builds the SSE text of one stream's chunks. */
export interface Chunks {
  /** @param delta the content of the delta object: JSON without the outer braces */
  delta(delta: string, finishReason?: string | null, usage?: Usage): string;
  content(text: string, usage?: Usage): string;
  reasoning(text: string): string;
  /** The chunk with `choices: []`, usage and llama.cpp's timings. */
  usage(usage: Usage, elapsedMs: number): string;
  done: string;
}

export interface ChunkNames {
  id: string;
  model: string;
  /** Epoch seconds. */
  created: number;
}

/** Prepares the text that all chunks share once per stream, because hundreds of streams run at the same time. */
export function buildChunks({ id, model, created }: ChunkNames, quirks: Quirks): Chunks {
  const eol = quirks.crlf ? "\r\n" : "\n";
  const names = `"created":${created},"id":${JSON.stringify(id)},"model":${JSON.stringify(model)},"system_fingerprint":"scripted","object":"chat.completion.chunk"`;
  const nulls = quirks.nulls ? `,"refusal":null,"function_call":null` : "";
  const finish = `}],${names}}${eol}${eol}`;
  const head = `data: {"choices":[{"finish_reason":null,"index":0,"delta":{`;
  const extra = (usage?: Usage) => (usage ? `,"usage":${usageJson(usage)}` : "");
  const reasoningNull = quirks.nulls ? `,"reasoning_content":null,"tool_calls":null` : "";

  function delta(inside: string, finishReason: string | null = null, usage?: Usage): string {
    if (finishReason === null && !usage) return `${head}${inside}${inside === "" ? nulls.slice(1) : nulls}}${finish}`;
    const reason = JSON.stringify(finishReason);
    return `data: {"choices":[{"finish_reason":${reason},"index":0,"delta":{${inside}}}],${names}${extra(usage)}}${eol}${eol}`;
  }

  const content = (text: string, usage?: Usage) =>
    delta(`"content":${JSON.stringify(text)}${reasoningNull}`, null, usage);

  return {
    delta,
    content,
    reasoning(text) {
      const json = JSON.stringify(text);
      const field = {
        reasoning_content: `"reasoning_content":${json}`,
        reasoning: `"content":"","reasoning":${json}`,
        both: `"reasoning":${json},"reasoning_content":${json}`,
        think: `"content":${json}`,
        untold: `"content":${json}`,
      }[quirks.reasoning];
      return delta(field);
    },
    usage(usage, elapsedMs) {
      const timings = JSON.stringify(timingsOf(usage, elapsedMs));
      return `data: {"choices":[],${names},"usage":${usageJson(usage)},"timings":${timings}}${eol}${eol}`;
    },
    done: quirks.no_done ? "" : `data: [DONE]${eol}${eol}`,
  };
}

/** `usage` in OpenAI's format. */
function usageJson({ promptTokens, completionTokens }: Usage): string {
  return `{"completion_tokens":${completionTokens},"prompt_tokens":${promptTokens},"total_tokens":${promptTokens + completionTokens},"prompt_tokens_details":{"cached_tokens":0}}`;
}

/** llama.cpp's timings; `prompt_n` is the part of the prompt that was not cached. */
export function timingsOf({ promptTokens, completionTokens }: Usage, elapsedMs: number): Record<string, number> {
  const ms = Math.max(elapsedMs, 0.01);
  const predicted = Math.max(completionTokens, 1);
  return {
    cache_n: 0,
    prompt_n: promptTokens,
    prompt_ms: 1,
    prompt_per_token_ms: 1 / Math.max(promptTokens, 1),
    prompt_per_second: promptTokens * 1000,
    predicted_n: completionTokens,
    predicted_ms: ms,
    predicted_per_token_ms: ms / predicted,
    predicted_per_second: (completionTokens * 1000) / ms,
  };
}
