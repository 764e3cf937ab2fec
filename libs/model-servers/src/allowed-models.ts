import { defaultModel, locateModel, type ServerModels } from "./default-model.ts";
import { type LocatedModel, readModelName } from "./locate-model.ts";
import type { ModelServer } from "./model-server.ts";

type Restricted = Pick<ModelServer, "roles" | "modelRoles">;

/** Whether users of this role may use a model of the server; a null model is one that the server chooses. */
export function mayUse(server: Restricted, model: string | null, role: string): boolean {
  const roles = (model === null ? undefined : server.modelRoles.get(model)) ?? server.roles;
  return roles === null || roles.includes(role);
}

/** Whether a model of the server is restricted to some roles. */
export const restricts = ({ roles, modelRoles }: Restricted) => roles !== null || modelRoles.size > 0;

/** The model lists as users of this role see them. A server stays listed while they may use any model of it. */
export function allowedCatalog(catalog: readonly ServerModels[], role: string): ServerModels[] {
  return catalog.flatMap((entry) => {
    const { server, models } = entry;
    const anyModel = [...server.modelRoles.values()].some((roles) => roles.includes(role));
    if (!mayUse(server, null, role) && !anyModel) return [];
    const preferred = server.defaultModel;
    const defaultModel = preferred !== null && mayUse(server, preferred, role) ? preferred : null;
    return [
      {
        ...entry,
        server: { ...server, defaultModel },
        models: models?.filter(({ id }) => mayUse(server, id, role)) ?? null,
      },
    ];
  });
}

/** The default model for users of this role: the usual one where they may use it. @returns null when there is none */
export function defaultModelFor(
  catalog: readonly ServerModels[],
  configured: string | undefined,
  role: string,
): LocatedModel | null {
  const usual = defaultModel(catalog, configured);
  const server = catalog.find((entry) => entry.server.name === usual?.server)?.server;
  if (usual && server && mayUse(server, usual.model, role)) return usual;
  return defaultModel(allowedCatalog(catalog, role), undefined);
}

/**
 * Whether users of this role may use the model that a session names.
 * @param read the model lists, which are only read where a restriction exists and the name does not say its server
 */
export async function mayUseNamed(
  servers: readonly ModelServer[],
  read: () => Promise<readonly ServerModels[]>,
  name: string,
  role: string,
): Promise<boolean> {
  if (!servers.some(restricts)) return true;
  const names = servers.map((server) => server.name);
  const [only] = servers;
  const located =
    readModelName(name, names) ??
    (names.length === 1 && only ? { server: only.name, model: name } : locateModel(name, await read()));
  const server = servers.find((one) => one.name === located.server);
  return server !== undefined && mayUse(server, located.model, role);
}
