import type { ServerModels } from "./default-model.ts";
import { fetchModelList } from "./fetch-model-list.ts";
import type { ModelServer } from "./model-server.ts";

/** The models of all servers. */
export interface Catalog {
  /** What every server has, in the order of the servers; never throws. Answers are believed for a while. */
  read(): Promise<ServerModels[]>;
}

export interface CatalogDeps {
  servers: readonly ModelServer[];
  timeoutMs: number;
  /** How long an answer is believed; one that a server did not give is asked for again sooner. */
  ttlMs: number;
  now: () => number;
}

/** A server that is away is asked again after so long, so that nobody waits for it at each turn. */
const AWAY_TTL_MS = 5_000;

/** Everybody who asks while a question is under way waits for the same answer. */
export function createCatalog(deps: CatalogDeps): Catalog {
  const known = new Map<string, { answer: ServerModels; until: number }>();
  const asking = new Map<string, Promise<ServerModels>>();

  async function ask(server: ModelServer): Promise<ServerModels> {
    const before = known.get(server.name);
    if (before && deps.now() < before.until) return before.answer;
    const answer = await fetchModelList(server, deps.timeoutMs).then(
      (models): ServerModels => ({ server, models, error: null }),
      (error: Error): ServerModels => ({ server, models: null, error: error.message }),
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
