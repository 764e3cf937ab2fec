import { type Dispatcher, fetch } from "undici";
import { asObject, filled } from "./json-value.ts";

/** Every server asks for a model's name; one with a single model takes any. */
const ANY_MODEL = "default";
const LIST_TIMEOUT_MS = 3_000;

/** The model to use when nobody named one: one that is loaded, else the first of the server's list. Throws only when aborted. */
export async function firstModel(
  { baseUrl, apiKey, dispatcher }: { baseUrl: string; apiKey?: string; dispatcher: Dispatcher },
  signal: AbortSignal,
): Promise<string> {
  try {
    const response = await fetch(`${baseUrl}/v1/models`, {
      headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {},
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIST_TIMEOUT_MS)]),
    });
    const { data } = asObject(await response.json());
    const models = Array.isArray(data) ? data.map(asObject) : [];
    const loaded = models.find(({ status }) => asObject(status).value === "loaded");
    return filled((loaded ?? models[0])?.id) ?? ANY_MODEL;
  } catch {
    // The request itself will tell what is wrong with the server.
    signal.throwIfAborted();
    return ANY_MODEL;
  }
}
