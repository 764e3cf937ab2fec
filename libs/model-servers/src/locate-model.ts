/** A model and its server; `model` is null when the choice is left to the server. */
export interface LocatedModel {
  server: string;
  model: string | null;
}

/**
 * Parses a model's name as users write it: `server/model` if it begins with the name of a server, else a bare name, which may
 * itself contain slashes.
 * @returns null for a bare name
 */
export function readModelName(name: string, servers: readonly string[]): LocatedModel | null {
  const slash = name.indexOf("/");
  const server = servers.find((known) => known === name.slice(0, Math.max(0, slash)));
  return server === undefined || slash === name.length - 1 ? null : { server, model: name.slice(slash + 1) };
}

/** The name that users see and enter: bare when there is only one server, else `server/model`. */
export function writeModelName({ server, model }: LocatedModel, servers: readonly string[]): string | null {
  if (model === null) return null;
  // A bare name that begins with the server's name and a slash would be parsed as `server/model`.
  return servers.length === 1 && readModelName(model, servers) === null ? model : `${server}/${model}`;
}
