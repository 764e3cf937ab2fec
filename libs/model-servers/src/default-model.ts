import type { ListedModel } from "./fetch-model-list.ts";
import { type LocatedModel, readModelName } from "./locate-model.ts";
import type { ModelServer } from "./model-server.ts";

/** The models of one server; null while the server is away or refuses the key. */
export interface ServerModels {
  server: ModelServer;
  models: ListedModel[] | null;
  /** The last list that could be read, however old; null: none was. What a user may use does not change while a server is away. */
  lastModels: ListedModel[] | null;
  error: string | null;
  keyRefused: boolean;
}

/**
 * Chooses the model for sessions that name none, the same for every caller: the configured one, or else one of the first server
 * that has any (its configured model, its loaded model, or the first in its list).
 * @param configured DEFAULT_MODEL
 */
export function defaultModel(catalog: readonly ServerModels[], configured: string | undefined): LocatedModel | null {
  if (configured !== undefined) return locateModel(configured, catalog);
  for (const { server, models } of catalog) {
    const model = server.defaultModel ?? models?.find(({ loaded }) => loaded)?.id ?? models?.[0]?.id;
    if (model !== undefined) return { server: server.name, model };
  }
  return null;
}

/**
 * Finds a model by name: `server/model`, or a bare name, which refers to the first server that lists it, or else to the default
 * server.
 */
export function locateModel(name: string, catalog: readonly ServerModels[]): LocatedModel {
  const names = catalog.map(({ server }) => server.name);
  const resolved = readModelName(name, names);
  if (resolved) return resolved;
  const lists = catalog.find(({ models }) => models?.some(({ id }) => id === name));
  return { server: (lists ?? catalog[0])?.server.name ?? "", model: name };
}
