import type { Caller } from "@boocode/identity";
import type * as store from "@boocode/store";
import type { Deps } from "./deps.ts";
import { ApiError } from "./errors.ts";

/** @throws ApiError model_not_allowed. Without a model the worker chooses one that the caller may use. */
export async function checkModel(
  { mayUseModel }: Pick<Deps, "mayUseModel">,
  { role }: Pick<Caller, "role">,
  model: string | null | undefined,
): Promise<void> {
  if (model && !(await mayUseModel(model, role))) throw new ApiError("model_not_allowed");
}

/** Limit of the sessions whose models are remembered. */
const MOST_SESSIONS = 10_000;

/**
 * Makes a function that queues a turn and checks the model that its session names. The store says which it is, and queues
 * nothing if it is another than the one that was checked; so a session's model is remembered, to be checked beforehand. The
 * worker checks again, because model and role may change until then.
 */
export function createModelCheck({ mayUseModel, restrictsModels }: Pick<Deps, "mayUseModel" | "restrictsModels">) {
  const models = new Map<string, string>();

  /** @param queue see `checkedModels` of the store @returns `model_unchecked` when the caller may not use the model */
  return async <O extends { kind: string }>(
    { role }: Pick<Caller, "role">,
    sessionId: string,
    queue: (checked: { checkedModels?: string[] }) => Promise<O | store.TurnRefusal>,
  ): Promise<O | store.TurnRefusal> => {
    if (!restrictsModels) return await queue({});
    for (let model = models.get(sessionId); ; ) {
      const isAllowed = model !== undefined && (await mayUseModel(model, role));
      const outcome = await queue({ checkedModels: isAllowed && model !== undefined ? [model] : [] });
      if (!("model" in outcome) || outcome.model === model) return outcome;
      model = outcome.model;
      models.delete(sessionId);
      models.set(sessionId, model);
      const [oldest] = models.keys();
      if (models.size > MOST_SESSIONS && oldest !== undefined) models.delete(oldest);
    }
  };
}
