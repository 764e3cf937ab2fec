import type { ScriptedModel, ScriptInput } from "../src/index.ts";

export interface Asked {
  status: number;
  /** The whole body, or the part that arrived before the connection broke. */
  text: string;
  chunks: Chunk[];
  content: string;
  broken: boolean;
}

interface Chunk {
  id?: string;
  choices?: Array<{ delta: Record<string, unknown>; finish_reason: string | null }>;
  usage?: { completion_tokens: number };
  timings?: Record<string, number>;
  error?: unknown;
}

export const TOOLS = [
  {
    type: "function",
    function: { name: "list_dir", description: "d", parameters: { type: "object", properties: {} } },
  },
];

/** A request that plays `script`, as the worker would send it. */
export function requestOf(script: ScriptInput, extra: object = {}): object {
  return {
    model: "investigator",
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: "user", content: `go [[script ${JSON.stringify(script)}]]` }],
    ...extra,
  };
}

export function post(model: ScriptedModel, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${model.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}

/** Sends the request and reads the response until it ends or breaks. */
export async function ask(model: ScriptedModel, script: ScriptInput, extra: object = {}): Promise<Asked> {
  const response = await post(model, requestOf(script, extra));
  const decoder = new TextDecoder();
  let text = "";
  let broken = false;
  try {
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(bytes, { stream: true });
    }
  } catch {
    broken = true;
  }
  const chunks = readChunks(text);
  const content = chunks.map((chunk) => chunk.choices?.[0]?.delta.content ?? "").join("");
  return { status: response.status, text, chunks, content, broken };
}

function readChunks(text: string): Chunk[] {
  return text
    .split(/\r?\n\r?\n/)
    .filter((row) => row.startsWith("data: {") && row.endsWith("}"))
    .map((row) => JSON.parse(row.slice("data: ".length)) as Chunk);
}
