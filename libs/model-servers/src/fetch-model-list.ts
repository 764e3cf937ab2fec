import { z } from "zod";
import { connectionReason } from "./connection-reason.ts";
import { RedirectRefused, requestTo, type ServerAddress } from "./request-to.ts";
import { echoedSecretsOf } from "./secrets-of.ts";
import type { ServerAnswer } from "./server-answer.ts";

/** An entry as any server writes it: OpenAI's `id`, Ollama's `model` or `name`, or the name alone. */
const Entry = z.union([
  z.looseObject({
    id: z.string().optional().catch(undefined),
    model: z.string().optional().catch(undefined),
    name: z.string().nullish().catch(null),
    status: z.looseObject({ value: z.string() }).nullish().catch(null),
  }),
  z.string().transform((id) => ({ id, model: undefined, name: null, status: null })),
]);
/** Servers without models send null. */
const Entries = z
  .array(z.unknown())
  .nullable()
  .transform((list) => (list ?? []).slice(0, MAX_MODELS));
/** Together and GitHub Models send the array itself, Ollama `models`. */
const ModelListAnswer = z.union([
  z.object({ data: Entries }).transform(({ data }) => data),
  z.object({ models: Entries }).transform(({ models }) => models),
  z.array(z.unknown()).transform((list) => list.slice(0, MAX_MODELS)),
]);

/** The maximum length of a model name in a session. */
const MAX_ID = 200;
const MAX_MODELS = 5_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** The server is there, but the key is wrong or missing. */
export class KeyRefused extends Error {
  override name = "KeyRefused";
}

/** The server has no model list, and the settings name no default model. */
export class NoModelList extends Error {
  override name = "NoModelList";
}

interface ListedServer extends ServerAddress {
  defaultModel?: string | null;
}

export interface ListedModel {
  id: string;
  name: string | null;
  /** null: the server does not report it. */
  loaded: boolean | null;
  /** The entry as the server sent it. */
  entry: Record<string, unknown>;
}

/**
 * Fetches a server's model list. The request does not make the server load a model.
 * @throws KeyRefused; an error with a readable message when the server is away or its answer is not a model list
 */
export async function fetchModelList(server: ListedServer, timeoutMs: number): Promise<ListedModel[]> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await requestTo(server, "/v1/models", { signal }).catch((cause: unknown) => {
    throw new Error(whyAway(cause, timeoutMs), { cause });
  });
  const text = await readText(response).catch(() => "");
  if (!response.ok) {
    if (response.status === 401 || response.status === 403 || WRONG_KEY.test(text))
      throw new KeyRefused(`refused the key (HTTP ${response.status})`);
    if (response.status === 404 || response.status === 405) return withoutList(server, response.status);
    throw new Error(`answered ${response.status}`);
  }
  const answer = ModelListAnswer.safeParse(parseJson(text));
  if (!answer.success) throw new Error("the answer is not a model list");
  // Gateways list a model once for each of its providers.
  const seen = new Set<string>();
  const secrets = echoedSecretsOf(server);
  const hasSecret = (text: string | null) => secrets.some((secret) => text?.includes(secret));
  return answer.data
    .flatMap(toModel)
    .filter(({ id }) => !hasSecret(id) && !seen.has(id) && seen.add(id))
    .map((model) => (hasSecret(model.name) ? { ...model, name: null } : model));
}

/** Gemini answers a wrong key with 400. */
const WRONG_KEY = /API_KEY_INVALID|api key (is )?(not valid|invalid|expired)|invalid api key/i;

/** Some servers list no models, such as Azure's deployments: the model in the settings is then the only one. */
function withoutList({ defaultModel }: ListedServer, status: number): ListedModel[] {
  if (!defaultModel)
    throw new NoModelList(`lists no models (HTTP ${status}): name one as default_model in MODEL_SERVERS`);
  return [{ id: defaultModel, name: null, loaded: null, entry: { id: defaultModel } }];
}

function toModel(listed: unknown): ListedModel[] {
  const { data: entry } = Entry.safeParse(listed);
  const id = entry && (entry.id ?? entry.model ?? entry.name);
  if (!id || id.length > MAX_ID || /\p{Cc}/u.test(id)) return [];
  const loaded = entry.status ? entry.status.value === "loaded" : null;
  return [{ id, name: entry.id === undefined ? null : (entry.name ?? null), loaded, entry: { ...entry, id } }];
}

async function readText(response: ServerAnswer): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (let part = await response.read(); part !== null; part = await response.read()) {
    bytes += part.length;
    if (bytes > MAX_BYTES) {
      response.cancel();
      throw new Error(`the model list has more than ${MAX_BYTES} bytes`);
    }
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function whyAway(cause: unknown, timeoutMs: number): string {
  if (cause instanceof DOMException && cause.name === "TimeoutError") return `did not answer within ${timeoutMs} ms`;
  return cause instanceof RedirectRefused ? cause.message : connectionReason(cause);
}
