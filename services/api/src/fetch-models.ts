import type { ModelList } from "@boocode/contracts";
import { type Dispatcher, fetch } from "undici";
import { z } from "zod";
import { ApiError } from "./errors.ts";

/** What every OpenAI-compatible server answers to `GET /v1/models`, and a name where the server has one. */
const ServerModels = z.object({
  data: z.array(z.object({ id: z.string().min(1), name: z.string().nullish().catch(null) })),
});

/**
 * The model server's own list. The default is the configured one, else the first: what a session without a model gets.
 * @throws ApiError model_server_unavailable
 */
export async function fetchModels(server: {
  baseUrl: string;
  apiKey?: string | undefined;
  defaultModel?: string | undefined;
  timeoutMs: number;
  dispatcher?: Dispatcher;
}): Promise<ModelList> {
  const list = await read(server).catch((cause: unknown) => {
    throw Object.assign(new ApiError("model_server_unavailable"), { cause });
  });
  const preferred = server.defaultModel ?? list[0]?.id;
  return {
    models: list.map((model) => ({ id: model.id, name: model.name ?? null, default: model.id === preferred })),
  };
}

async function read(server: Parameters<typeof fetchModels>[0]) {
  const response = await fetch(`${server.baseUrl.replace(/\/+$/, "")}/v1/models`, {
    headers: server.apiKey ? { authorization: `Bearer ${server.apiKey}` } : {},
    signal: AbortSignal.timeout(server.timeoutMs),
    ...(server.dispatcher ? { dispatcher: server.dispatcher } : {}),
  });
  if (!response.ok) throw new Error(`the model server answered ${response.status}`);
  return ServerModels.parse(await response.json()).data;
}
