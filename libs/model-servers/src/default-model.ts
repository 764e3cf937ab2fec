import type { ListedModel } from "./fetch-model-list.ts";
import { type LocatedModel, readModelName } from "./locate-model.ts";
import type { ModelServer } from "./model-server.ts";

/** What one server has; `models` is null while it is away. */
export interface ServerModels {
  server: ModelServer;
  models: ListedModel[] | null;
  error: string | null;
}

/**
 * The model of sessions that name none, the same for whoever asks: the configured one; else, of the first server that has
 * any, its configured one, the one that is loaded, the first that it lists.
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

/** Finds a model by its name: `server/model`, or a bare name of the first server that lists it, else of the default server. */
export function locateModel(name: string, catalog: readonly ServerModels[]): LocatedModel {
  const names = catalog.map(({ server }) => server.name);
  const told = readModelName(name, names);
  if (told) return told;
  const lists = catalog.find(({ models }) => models?.some(({ id }) => id === name));
  return { server: (lists ?? catalog[0])?.server.name ?? "", model: name };
}
