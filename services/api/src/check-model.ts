import type { Caller } from "@boocode/identity";
import * as store from "@boocode/store";
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

/** Checks the model of a session for a new turn. The worker checks again, because model and role may change until then. */
export async function checkModelOf(
  deps: Deps,
  caller: Pick<Caller, "role" | "userId">,
  sessionId: string,
): Promise<void> {
  if (!deps.restrictsModels) return;
  await checkModel(deps, caller, (await store.findSession(deps.pool, caller.userId, sessionId))?.model);
}
