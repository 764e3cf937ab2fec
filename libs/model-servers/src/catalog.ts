import type { ServerModels } from "./default-model.ts";
import { fetchModelList, KeyRefused } from "./fetch-model-list.ts";
import type { ModelServer } from "./model-server.ts";

/** The models of all servers. */
export interface Catalog {
  /** Reads the model lists of all servers, in the servers' order, from the cache where it is fresh. It never rejects. */
  read(): Promise<ServerModels[]>;
}

export interface CatalogDeps {
  servers: readonly ModelServer[];
  timeoutMs: number;
  /** TTL of a cached model list. That a server is away is cached for a shorter time. */
  ttlMs: number;
  now: () => number;
  /** Called with the error, whose cause holds the runtime's text, when a server begins to be away or is away for another reason. */
  onAway?: (server: string, error: Error) => void;
}

/** Cache TTL for a server that is away, so that not every turn waits for its time-out. */
const AWAY_TTL_MS = 5_000;

/** Concurrent callers share one read of each server. */
export function createCatalog(deps: CatalogDeps): Catalog {
  const known = new Map<string, { answer: ServerModels; until: number }>();
  const asking = new Map<string, Promise<ServerModels>>();

  async function ask(server: ModelServer): Promise<ServerModels> {
    const before = known.get(server.name);
    if (before && deps.now() < before.until) return before.answer;
    const answer = await fetchModelList(server, deps.timeoutMs).then(
      (models): ServerModels => ({ server, models, lastModels: models, error: null, keyRefused: false }),
      (error: Error): ServerModels => {
        if (before?.answer.error !== error.message) deps.onAway?.(server.name, error);
        const lastModels = before?.answer.lastModels ?? null;
        return { server, models: null, lastModels, error: error.message, keyRefused: error instanceof KeyRefused };
      },
    );
    const ttlMs = answer.models ? deps.ttlMs : Math.min(deps.ttlMs, AWAY_TTL_MS);
    known.set(server.name, { answer, until: deps.now() + ttlMs });
    return answer;
  }

  return {
    read: () =>
      Promise.all(
        deps.servers.map((server) => {
          const question = asking.get(server.name) ?? ask(server).finally(() => asking.delete(server.name));
          asking.set(server.name, question);
          return question;
        }),
      ),
  };
}
