import type { ModelInfo, ModelList, Role } from "@boocode/contracts";
import {
  allowedCatalog,
  type Catalog,
  defaultModelFor,
  type ServerModels,
  writeModelName,
} from "@boocode/model-servers";
import { scrub } from "@boocode/runtime";
import { ApiError } from "./errors.ts";

/**
 * Lists the models that users of a role may use, under the names that a session uses. A server that does not answer is listed with its error.
 * @param configured DEFAULT_MODEL
 * @throws ApiError model_server_unavailable when all servers are away
 */
export async function fetchModels(catalog: Catalog, configured: string | undefined, role: Role): Promise<ModelList> {
  const all = await catalog.read();
  const servers = allowedCatalog(all, role);
  if (all.every(({ models, keyRefused }) => models === null && !keyRefused)) {
    const why = all.map(({ server, error }) => `${server.name}: ${error}`).join("; ");
    throw Object.assign(new ApiError("model_server_unavailable"), { cause: new Error(why) });
  }
  const names = all.map(({ server }) => server.name);
  const preferred = defaultModelFor(all, configured, role);
  const infoOf = (server: string, { id, name, loaded }: NonNullable<ServerModels["models"]>[number]): ModelInfo => ({
    id: writeModelName({ server, model: id }, names) ?? id,
    name,
    default: preferred?.server === server && preferred.model === id,
    server,
    loaded,
  });
  return {
    models: servers.flatMap(({ server, models }) => (models ?? []).map((model) => infoOf(server.name, model))),
    servers: servers.map(({ server, models, error, keyRefused }) => ({
      name: server.name,
      status: models ? ("ok" as const) : keyRefused ? ("refused" as const) : ("away" as const),
      error: error && scrub(error),
    })),
  };
}
