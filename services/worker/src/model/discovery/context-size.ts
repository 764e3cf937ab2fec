import { type Dispatcher, fetch } from "undici";
import type { KnownTraits } from "./known-traits.ts";
import {
  traitsFromLlamaProps,
  windowFromLlamaProps,
  windowFromModelList,
  windowFromOllamaRunning,
  windowFromOllamaShow,
} from "./server-info.ts";

export interface ContextSizeDeps {
  baseUrl: string;
  apiKey?: string;
  /** How long an answer is believed. */
  ttlMs?: number;
  /** How long one question may take. */
  timeoutMs: number;
  dispatcher?: Dispatcher;
  /** Receives the traits that the server reports beside the window. */
  onTraits?: KnownTraits["learn"];
}

export interface ContextSize {
  /**
   * The model's window in tokens, null where no server tells. Never throws. To be asked only while the model answers or
   * after it did: asking llama-swap about a model that is not loaded makes it load the model.
   */
  get(model: string): Promise<number | null>;
  /** What was learned of the model's window so far, without asking anybody. */
  known(model: string): number | null;
  /** What an overflow error told, which is surer than any answer. */
  learn(model: string, size: number): void;
}

interface Known {
  size: number | null;
  until: number;
}

const TTL_MS = 10 * 60_000;
/** An unanswered question is asked again sooner: the server may have been busy. */
const UNKNOWN_TTL_MS = 60_000;

export function createContextSize(deps: ContextSizeDeps): ContextSize {
  const base = deps.baseUrl.replace(/\/+$/, "");
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<number | null>>();

  async function ask(path: string, body?: object): Promise<unknown> {
    try {
      const response = await fetch(base + path, {
        method: body ? "POST" : "GET",
        headers: {
          accept: "application/json",
          ...(body && { "content-type": "application/json" }),
          ...(deps.apiKey && { authorization: `Bearer ${deps.apiKey}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
        ...(deps.dispatcher && { dispatcher: deps.dispatcher }),
        signal: AbortSignal.timeout(deps.timeoutMs),
      });
      if (response.ok) return await response.json();
      await response.body?.cancel();
    } catch {
      // A server that does not know the question, or is gone: both are "unknown".
    }
    return null;
  }

  async function find(model: string): Promise<number | null> {
    const name = encodeURIComponent(model);
    // The props of the slot are the real limit; what a list says is often configured, or what the model was trained for.
    const [upstream, models] = await Promise.all([ask(`/upstream/${name}/props`), ask("/v1/models")]);
    const props = windowFromLlamaProps(upstream) === null ? await ask(`/props?model=${name}`) : upstream;
    deps.onTraits?.(model, traitsFromLlamaProps(props));
    const told = windowFromLlamaProps(props) ?? windowFromModelList(models, model);
    if (told !== null) return told;
    const [running, show] = await Promise.all([ask("/api/ps"), ask("/api/show", { model })]);
    return windowFromOllamaRunning(running, model) ?? windowFromOllamaShow(show);
  }

  function remember(model: string, size: number | null): number | null {
    const ttl = size === null ? UNKNOWN_TTL_MS : (deps.ttlMs ?? TTL_MS);
    known.set(model, { size, until: performance.now() + ttl });
    return size;
  }

  return {
    get(model) {
      const fact = known.get(model);
      if (fact && fact.until > performance.now()) return Promise.resolve(fact.size);
      const running = asking.get(model);
      if (running) return running;
      const question = find(model)
        .then((size) => remember(model, size))
        .finally(() => asking.delete(model));
      asking.set(model, question);
      return question;
    },
    known: (model) => known.get(model)?.size ?? null,
    learn(model, size) {
      if (Number.isInteger(size) && size > 0) remember(model, size);
    },
  };
}
