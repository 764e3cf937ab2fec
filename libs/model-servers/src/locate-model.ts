/** A model and the server that has it; `model` is null when the choice is left to the server. */
export interface LocatedModel {
  server: string;
  model: string | null;
}

/**
 * Reads the name of a model as people write it: `server/model` when it begins with the name of a server, else a bare name,
 * which may hold slashes itself.
 * @returns null for a bare name
 */
export function readModelName(name: string, servers: readonly string[]): LocatedModel | null {
  const slash = name.indexOf("/");
  const server = servers.find((known) => known === name.slice(0, Math.max(0, slash)));
  return server === undefined || slash === name.length - 1 ? null : { server, model: name.slice(slash + 1) };
}

/** The name that people see and give: bare where there is one server alone, else `server/model`. */
export function writeModelName({ server, model }: LocatedModel, servers: readonly string[]): string | null {
  if (model === null) return null;
  // A model that is called like a server of its own would be read as that server's.
  return servers.length === 1 && readModelName(model, servers) === null ? model : `${server}/${model}`;
}
