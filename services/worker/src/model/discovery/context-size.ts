import { requestTo, type ServerAddress } from "@boocode/model-servers";
import type { KnownTraits } from "./known-traits.ts";
import {
  slotsFromLlamaProps,
  toolSupportFromLlamaProps,
  traitsFromLlamaProps,
  windowFromLlamaProps,
  windowFromModelList,
  windowFromOllamaRunning,
  windowFromOllamaShow,
} from "./server-info.ts";

export interface ContextSizeDeps {
  server: ServerAddress;
  /** Cache TTL. */
  ttlMs?: number;
  /** Deadline of one request. */
  timeoutMs: number;
  /** Called with the traits that the server reports together with the window. */
  onTraits?: KnownTraits["learn"];
}

export interface ContextSize {
  /**
   * The model's context window in tokens; null when the server does not report it. Never rejects. Call it only after the model
   * has begun to answer: asking llama-swap about a model that is not loaded makes it load the model.
   */
  get(model: string): Promise<number | null>;
  /** The last known window of the model; sends no request. */
  known(model: string): number | null;
  /** Whether the model's chat template renders tools, as found by the last `get`; null when the server does not report it. */
  seesTools(model: string): boolean | null;
  /** How many requests the server serves concurrently with this model, as found by the last `get`; null when unknown. */
  totalSlots(model: string): number | null;
  /** Records the window from an overflow error, which is more reliable than what `get` finds. */
  learn(model: string, size: number): void;
}

interface Known {
  size: number | null;
  until: number;
}

const TTL_MS = 10 * 60_000;
/** Cache TTL of "unknown": shorter, because the server may only have been busy. */
const UNKNOWN_TTL_MS = 60_000;

export function createContextSize(deps: ContextSizeDeps): ContextSize {
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<number | null>>();
  const seeingTools = new Map<string, boolean>();
  const slots = new Map<string, number>();

  async function ask(path: string, body?: object): Promise<unknown> {
    try {
      const request = { ...(body && { body }), signal: AbortSignal.timeout(deps.timeoutMs) };
      const response = await requestTo(deps.server, path, request);
      if (response.ok) return await response.json();
      response.cancel();
    } catch {
      // The server does not know the route or is unreachable. In both cases the window is unknown.
    }
    return null;
  }

  async function find(model: string): Promise<number | null> {
    const name = encodeURIComponent(model);
    // The slot's props state the real limit; a model list often reports the configured or trained size.
    const [upstream, models] = await Promise.all([ask(`/upstream/${name}/props`), ask("/v1/models")]);
    const props = windowFromLlamaProps(upstream) === null ? await ask(`/props?model=${name}`) : upstream;
    deps.onTraits?.(model, traitsFromLlamaProps(props));
    const sees = toolSupportFromLlamaProps(props);
    if (sees !== null) seeingTools.set(model, sees);
    const total = slotsFromLlamaProps(props);
    if (total !== null) slots.set(model, total);
    const reported = windowFromLlamaProps(props) ?? windowFromModelList(models, model);
    if (reported !== null) return reported;
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
    seesTools: (model) => seeingTools.get(model) ?? null,
    totalSlots: (model) => slots.get(model) ?? null,
    learn(model, size) {
      if (Number.isInteger(size) && size > 0) remember(model, size);
    },
  };
}
