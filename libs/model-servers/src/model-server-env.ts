import { z } from "zod";
import { baseUrlOf, type ModelServer, ModelServerEntry } from "./model-server.ts";
import { ONE_LINE_SERVER } from "./request-to.ts";

/** Sources of API keys. */
export interface KeySources {
  env(name: string): string | undefined;
  /** @throws when the file cannot be read */
  readFile(path: string): string;
}

/** The part of an environment schema that describes the model servers; every mistake is a separate issue. */
export const modelServerEnv = (keys: KeySources) => ({
  /** A JSON array of servers. */
  MODEL_SERVERS: z
    .string()
    .optional()
    .transform((text, context) => (text === undefined ? [] : (readServers(text, keys, context) ?? z.NEVER))),
  /** Shorthand for one server, named `default`. It comes first when MODEL_SERVERS names more. */
  LLAMA_SWAP_URL: ModelServerEntry.shape.url.optional(),
  LLAMA_SWAP_API_KEY: z.string().optional(),
  /** For sessions that name no model: `server/model`, or a model of the first server. */
  DEFAULT_MODEL: z.string().optional(),
});

export interface ModelServerSettings {
  MODEL_SERVERS: ModelServer[];
  LLAMA_SWAP_URL?: string | undefined;
  LLAMA_SWAP_API_KEY?: string | undefined;
}

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
  return [toServer(entry, apiKey ?? null), ...more];
}

type IssueContext = { addIssue(issue: { code: "custom"; path: (string | number)[]; message: string }): void };

function readServers(text: string, keys: KeySources, context: IssueContext): ModelServer[] | null {
  const fail = (message: string) => context.addIssue({ code: "custom", path: [], message });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    fail(`is not JSON: ${(error as Error).message.slice(0, 80)}`);
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
  const servers = parsed.flatMap(({ data }) => (data ? [toServer(data, readKey(data, keys, fail))] : []));
  return servers.length === parsed.length ? servers : null;
}

function readKey(entry: ModelServerEntry, keys: KeySources, fail: (message: string) => void): string | null {
  if (entry.api_key_env !== undefined && entry.api_key_file !== undefined) {
    fail(`${entry.name}: api_key_env and api_key_file exclude each other`);
  } else if (entry.api_key_env !== undefined) {
    const key = keys.env(entry.api_key_env);
    if (key) return key;
    fail(`${entry.name}: api_key_env names ${entry.api_key_env}, which is not set`);
  } else if (entry.api_key_file !== undefined) {
    try {
      return keys.readFile(entry.api_key_file).trim();
    } catch {
      fail(`${entry.name}: the file that api_key_file names cannot be read`);
    }
  }
  return null;
}

function toServer(entry: ModelServerEntry, apiKey: string | null): ModelServer {
  return {
    name: entry.name,
    url: baseUrlOf(entry.url),
    apiKey,
    defaultModel: entry.default_model ?? null,
    maxConcurrent: entry.max_concurrent ?? null,
    maxConcurrentPerModel: entry.max_concurrent_per_model ?? null,
    contextSize: entry.context_size ?? null,
    traits: entry.quirks,
  };
}

const where = (path: readonly PropertyKey[]) => (path.length === 0 ? "" : `${path.map(String).join(".")}: `);
