import { type Dispatcher, fetch } from "undici";
import { z } from "zod";

const ModelIds = z.object({ data: z.array(z.object({ id: z.string() })) });

/** How long the server's first model is believed to be its first model. */
const TTL_MS = 60_000;

/**
 * The model for sessions that name none: the first that the server lists, as `GET /api/models` tells users.
 * @returns never throws; null when the server does not tell, which leaves the choice to it
 */
export function createDefaultModel(deps: {
  baseUrl: string;
  apiKey?: string;
  timeoutMs: number;
  dispatcher?: Dispatcher;
}): () => Promise<string | null> {
  let known: { id: string | null; until: number } | null = null;
  return async () => {
    if (known && performance.now() < known.until) return known.id;
    try {
      const response = await fetch(`${deps.baseUrl.replace(/\/+$/, "")}/v1/models`, {
        headers: deps.apiKey ? { authorization: `Bearer ${deps.apiKey}` } : {},
        signal: AbortSignal.timeout(deps.timeoutMs),
        ...(deps.dispatcher ? { dispatcher: deps.dispatcher } : {}),
      });
      const list = ModelIds.parse(await response.json());
      known = { id: list.data[0]?.id ?? null, until: performance.now() + TTL_MS };
      return known.id;
    } catch {
      return known?.id ?? null;
    }
  };
}
