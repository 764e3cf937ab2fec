import { requestTo, type ServerAddress } from "@boocode/model-servers";
import { asObject, isObject } from "../json-value.ts";

/** Tells whether a server has a model loaded, so that an unanswered request is waiting for a slot and not for the model. */
export interface ModelReady {
  /** Records that the model begins to answer a request. @returns a function to call when the answer ends */
  answers(model: string): () => void;
  /** Never rejects, and sends nothing that could make a proxy load the model. False when the server does not report it. */
  isReady(model: string): Promise<boolean>;
}

export function createModelReady(server: ServerAddress, timeoutMs: number): ModelReady {
  const answering = new Map<string, number>();
  const change = (model: string, by: number) => answering.set(model, (answering.get(model) ?? 0) + by);

  async function ask(path: string): Promise<unknown> {
    try {
      const response = await requestTo(server, path, { signal: AbortSignal.timeout(timeoutMs) });
      if (response.ok) return await response.json();
      response.cancel();
    } catch {
      // The server is of another kind, or too busy to answer.
    }
    return null;
  }

  return {
    answers(model) {
      change(model, 1);
      return () => void change(model, -1);
    },
    async isReady(model) {
      if ((answering.get(model) ?? 0) > 0) return true;
      const [slots, running, loaded] = await Promise.all(["/slots", "/running", "/api/ps"].map(ask));
      return areSlotsBusy(slots) || isRunning(running, model) || isLoaded(loaded, model);
    },
  };
}

/** llama-server has one model, and refuses requests until it is loaded. */
function areSlotsBusy(slots: unknown): boolean {
  return Array.isArray(slots) && slots.length > 0 && slots.every((slot) => asObject(slot).is_processing === true);
}

/** llama-swap's models with their states: starting, ready, stopping … */
function isRunning(answer: unknown, model: string): boolean {
  return entriesOf(asObject(answer).running).some((one) => one.model === model && one.state === "ready");
}

/** Ollama's loaded models. */
function isLoaded(answer: unknown, model: string): boolean {
  return entriesOf(asObject(answer).models).some(({ name }) => name === model || name === `${model}:latest`);
}

const entriesOf = (list: unknown) => (Array.isArray(list) ? list.filter(isObject) : []);
