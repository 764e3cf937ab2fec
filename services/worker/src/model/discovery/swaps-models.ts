import { requestTo, type ServerAddress } from "@boocode/model-servers";
import { asObject, isObject } from "../json-value.ts";

/** Tells whether a server loads one model at a time, so that another model's request makes it drop the loaded one. */
export interface SwapsModels {
  /** As far as is known; asks the server again now and then, in the background. */
  known(): boolean;
}

const TTL_MS = 60_000;
/** Cache TTL of "no": servers do not change their kind. */
const OTHER_TTL_MS = 10 * 60_000;

/**
 * llama-swap lists the models that run. Unless its groups keep several of them, it swaps: once two were seen ready together, the
 * server never counts as swapping again.
 * @param now a monotonic clock, in milliseconds
 */
export function createSwapsModels(server: ServerAddress, timeoutMs: number, now: () => number): SwapsModels {
  let swaps = false;
  let keepsSeveral = false;
  let until = Number.NEGATIVE_INFINITY;

  async function look(): Promise<void> {
    try {
      const response = await requestTo(server, "/running", { signal: AbortSignal.timeout(timeoutMs) });
      if (!response.ok) return response.cancel();
      const { running } = asObject(await response.json());
      if (!Array.isArray(running)) return;
      keepsSeveral ||= running.filter((one) => isObject(one) && one.state === "ready").length > 1;
      swaps = !keepsSeveral;
    } catch {
      // The server is of another kind, or too busy to answer.
    }
  }

  return {
    known() {
      if (!keepsSeveral && now() >= until) {
        until = Number.POSITIVE_INFINITY;
        void look().then(() => {
          until = now() + (swaps ? TTL_MS : OTHER_TTL_MS);
        });
      }
      return swaps;
    },
  };
}
