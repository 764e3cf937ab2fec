import { z } from "zod";
import { type ModelServer, ModelServerEntry } from "./model-server.ts";
import { ONE_LINE_SERVER } from "./request-to.ts";
import { deploymentOf, readServerUrl } from "./server-url.ts";

/** Sources of API keys. */
export interface KeySources {
  env(name: string): string | undefined;
  /** @throws when the file cannot be read */
  readFile(path: string): string;
}

const proxyUrl = z
  .string()
  .trim()
  // The scheme is optional, as in other programs: `proxy.example:3128`.
  .transform((text) => (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`))
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    message: "must be a URL that begins with http:// or https://",
  });

/** The part of an environment schema that describes the model servers; every mistake is a separate issue. */
export const modelServerEnv = (keys: KeySources) => ({
  /** A JSON array of servers. */
  MODEL_SERVERS: z
    .string()
    .optional()
    .transform((text, context) => (text === undefined ? [] : (readServers(text, keys, context) ?? z.NEVER))),
  /** Shorthand for one server, named `default`. It comes first when MODEL_SERVERS names more. */
  LLAMA_SWAP_URL: ModelServerEntry.shape.url.optional(),
  LLAMA_SWAP_API_KEY: z.string().trim().refine(fitsHeader, "holds a character that no header may hold").optional(),
  /** For sessions that name no model: `server/model`, or a model of the first server. */
  DEFAULT_MODEL: z.string().trim().optional(),
  HTTP_PROXY: proxyUrl.optional(),
  HTTPS_PROXY: proxyUrl.optional(),
  /** Hosts, separated by commas. */
  NO_PROXY: z.string().trim().optional(),
});

export interface ModelServerSettings {
  MODEL_SERVERS: ModelServer[];
  LLAMA_SWAP_URL?: string | undefined;
  LLAMA_SWAP_API_KEY?: string | undefined;
}

const ONE_LOGIN = "a key, user:password@ in the URL and a header Authorization exclude each other";

type Refinement = [
  (settings: Partial<ModelServerSettings>) => boolean,
  { path: string[]; message: string; when: () => boolean },
];

/**
 * Refinements for a schema that contains `modelServerEnv`. They run even when other checks fail, so that all mistakes are
 * reported at once.
 */
export const hasModelServer: Refinement = [
  (settings) => settings.LLAMA_SWAP_URL !== undefined || settings.MODEL_SERVERS?.length !== 0,
  { path: ["LLAMA_SWAP_URL"], message: "is required, or MODEL_SERVERS", when: () => true },
];
export const hasOneLogin: Refinement = [
  ({ LLAMA_SWAP_URL: url, LLAMA_SWAP_API_KEY: key }) =>
    !key || url === undefined || !URL.canParse(url) || readServerUrl(url).basicAuth === null,
  { path: ["LLAMA_SWAP_API_KEY"], message: ONE_LOGIN, when: () => true },
];
export const hasNoNamesake: Refinement = [
  (settings) =>
    settings.LLAMA_SWAP_URL === undefined ||
    // When the variable itself is invalid, there is no list.
    !Array.isArray(settings.MODEL_SERVERS) ||
    !settings.MODEL_SERVERS.some((server) => server.name === ONE_LINE_SERVER),
  {
    path: ["MODEL_SERVERS"],
    message: `names a server ${ONE_LINE_SERVER}, which is what LLAMA_SWAP_URL is called`,
    when: () => true,
  },
];

/** The servers of a valid environment. The first is the default server: it gets the bare model names that no server lists. */
export function modelServersOf(settings: ModelServerSettings): ModelServer[] {
  const { LLAMA_SWAP_URL: url, LLAMA_SWAP_API_KEY: apiKey, MODEL_SERVERS: more } = settings;
  if (url === undefined) return more;
  const entry = ModelServerEntry.parse({ name: ONE_LINE_SERVER, url });
  return [toServer(entry, { apiKey: apiKey || null, headers: {} }), ...more];
}

type IssueContext = { addIssue(issue: { code: "custom"; path: (string | number)[]; message: string }): void };

function readServers(text: string, keys: KeySources, context: IssueContext): ModelServer[] | null {
  const fail = (message: string) => context.addIssue({ code: "custom", path: [], message });
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    // The rest of the runtime's message quotes the text, which may hold a key.
    const place = /at position \d+/.exec((error as Error).message)?.[0];
    fail(place === undefined ? "is not JSON" : `is not JSON: there is a mistake ${place}`);
    return null;
  }
  const list = z.array(z.unknown()).min(1, "must name at least one server").safeParse(json);
  if (!list.success) {
    for (const issue of list.error.issues) fail(issue.message);
    return null;
  }
  // Entries are parsed one by one, so that a mistake in one does not hide those in the others.
  const parsed = list.data.map((entry) => ModelServerEntry.safeParse(entry));
  for (const [at, { error }] of parsed.entries()) {
    for (const issue of error?.issues ?? []) fail(`${where([at, ...issue.path])}${issue.message}`);
  }
  const named = z.object({ name: z.string() }).catch({ name: "" });
  const names = list.data.map((entry) => named.parse(entry).name).filter((name) => name !== "");
  for (const name of new Set(names.filter((name, at) => names.indexOf(name) !== at)))
    fail(`two servers are named ${name}`);
  const servers = parsed.flatMap(({ data }) => (data ? [toServer(data, readLogin(data, keys, fail))] : []));
  return servers.length === parsed.length ? servers : null;
}

type Login = Pick<ModelServer, "apiKey" | "headers">;

function readLogin(entry: ModelServerEntry, keys: KeySources, report: (message: string) => void): Login {
  const fail = (message: string) => report(`${entry.name}: ${message}`);
  const { api_key_env: env, api_key_file: file } = entry;
  if (env !== undefined && file !== undefined) fail("api_key_env and api_key_file exclude each other");
  const apiKey = readSecret(file === undefined ? { env } : { file }, ["api_key_env", "api_key_file"], keys, fail);
  const headers: Record<string, string> = {};
  for (const [name, source] of Object.entries(entry.headers)) {
    const value = readSecret(source, [`headers.${name}.env`, `headers.${name}.file`], keys, fail);
    if (value !== null) headers[name] = value;
  }
  const logins = [env ?? file, readServerUrl(entry.url).basicAuth ?? undefined, ...authorizationsIn(entry)];
  if (logins.filter((login) => login !== undefined).length > 1) fail(ONE_LOGIN);
  return { apiKey, headers };
}

/** A header of this name is a login, too. */
const authorizationsIn = ({ headers }: ModelServerEntry) =>
  Object.keys(headers).filter((name) => name.toLowerCase() === "authorization");

/** @param fields the names of the settings that name the variable and the file */
function readSecret(
  { env, file }: { env?: string | undefined; file?: string | undefined },
  fields: [string, string],
  keys: KeySources,
  fail: (message: string) => void,
): string | null {
  const value = env !== undefined ? keys.env(env)?.trim() : file !== undefined ? readFile(file, keys) : null;
  if (value === null) return null;
  if (!value && env !== undefined) fail(`${fields[0]} names ${env}, which is not set`);
  else if (value === undefined) fail(`the file that ${fields[1]} names cannot be read`);
  else if (value === "") fail(`the file that ${fields[1]} names is empty`);
  else if (!fitsHeader(value)) fail(`${fields[env === undefined ? 1 : 0]} holds a character that no header may hold`);
  else return value;
  return null;
}

function readFile(path: string, keys: KeySources): string | undefined {
  try {
    return keys.readFile(path).trim();
  } catch {
    return undefined;
  }
}

/** A line break in a key would otherwise fail each request, with an error that quotes the key. */
function fitsHeader(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

function toServer(entry: ModelServerEntry, { apiKey, headers }: Login): ModelServer {
  const { url, basicAuth } = readServerUrl(entry.url);
  return {
    name: entry.name,
    url,
    basicAuth,
    apiKey,
    headers,
    defaultModel: entry.default_model ?? deploymentOf(url),
    maxConcurrent: entry.max_concurrent ?? null,
    maxConcurrentPerModel: entry.max_concurrent_per_model ?? null,
    contextSize: entry.context_size ?? null,
    roles: entry.roles ?? null,
    modelRoles: new Map(Object.entries(entry.model_roles)),
    traits: entry.quirks,
  };
}

const where = (path: readonly PropertyKey[]) => (path.length === 0 ? "" : `${path.map(String).join(".")}: `);
