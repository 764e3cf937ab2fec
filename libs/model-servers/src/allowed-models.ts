import { defaultModel, locateModel, type ServerModels } from "./default-model.ts";
import type { ListedModel } from "./fetch-model-list.ts";
import { type LocatedModel, readModelName } from "./locate-model.ts";
import type { ModelServer } from "./model-server.ts";

type Restricted = Pick<ModelServer, "roles" | "modelRoles">;

/**
 * Whether users of this role may use a model of the server; a null model is one that the server chooses. A model is the same under each
 * of its names: those that one entry of the server's list has, in any case, and `big` for `big:latest`. A name that the list does not
 * have may stand for any model, so that only who may use all models with roles of their own may use it.
 * @param models the server's list; null: not known, then names are compared as they are
 */
export function mayUse(
  server: Restricted,
  model: string | null,
  role: string,
  models: readonly ListedModel[] | null,
): boolean {
  const isOpen = server.roles === null || server.roles.includes(role);
  if (model === null || server.modelRoles.size === 0) return isOpen;
  const exact = server.modelRoles.get(model);
  if (exact) return exact.includes(role);
  const wanted = plainName(model);
  const entries = models?.filter((listed) => namesOf(listed).includes(wanted));
  const names = new Set([wanted, ...(entries?.flatMap(namesOf) ?? [])]);
  const own = [...server.modelRoles].filter(([name]) => names.has(plainName(name)));
  if (own.length > 0) return isOpen && own.every(([, roles]) => roles.includes(role));
  const isUnknown = entries?.length === 0;
  return isOpen && (!isUnknown || [...server.modelRoles.values()].every((roles) => roles.includes(role)));
}

/** A model's name without what servers leave out of it. */
const plainName = (name: string) => name.toLowerCase().replace(/:latest$/, "");

/** All names of a listed model: its own, and the aliases of llama-server and of routers. */
function namesOf({ id, entry }: ListedModel): string[] {
  const { model, name, aliases } = entry;
  const all = [id, model, name, ...(Array.isArray(aliases) ? aliases : [])];
  return all.filter((each) => typeof each === "string" && each !== "").map(plainName);
}

/** The same, where the server's list is only read if the answer depends on it. */
export async function mayUseModel(
  server: ModelServer,
  model: string | null,
  role: string,
  read: () => Promise<readonly ServerModels[]>,
): Promise<boolean> {
  const isListNeeded = model !== null && server.modelRoles.size > 0 && !server.modelRoles.has(model);
  const entry = isListNeeded ? (await read()).find((one) => one.server.name === server.name) : undefined;
  return mayUse(server, model, role, entry?.lastModels ?? null);
}

/** Whether a model of the server is restricted to some roles. */
export const restricts = ({ roles, modelRoles }: Restricted) => roles !== null || modelRoles.size > 0;

/** The model lists as users of this role see them. A server stays listed while they may use any model of it. */
export function allowedCatalog(catalog: readonly ServerModels[], role: string): ServerModels[] {
  return catalog.flatMap((entry) => {
    const { server, models, lastModels } = entry;
    const allows = (model: string | null) => mayUse(server, model, role, lastModels);
    const anyModel = [...server.modelRoles.values()].some((roles) => roles.includes(role));
    if (!allows(null) && !anyModel) return [];
    const preferred = server.defaultModel;
    const defaultModel = preferred !== null && allows(preferred) ? preferred : null;
    return [
      {
        ...entry,
        server: { ...server, defaultModel },
        models: models?.filter(({ id }) => allows(id)) ?? null,
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
  const entry = catalog.find(({ server }) => server.name === usual?.server);
  if (usual && entry && mayUse(entry.server, usual.model, role, entry.lastModels)) return usual;
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
  return server !== undefined && (await mayUseModel(server, located.model, role, read));
}
