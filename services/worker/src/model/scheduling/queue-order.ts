// PURE
/** Limits of concurrent requests: of a server, and of one model on it. null: no limit. */
export interface SlotLimits {
  server: number | null;
  model: number | null;
}

/** A request that waits for a slot or holds one. */
export interface SlotRequest {
  user: string;
  model: string;
}

/** At a server that loads one model at a time. Times are in milliseconds. */
export interface LoadedModel {
  model: string;
  /** When it was loaded, and when it was last seen in use. */
  since: number;
  used: number;
}

/** The slots of one server. */
export interface SlotState {
  holders: readonly SlotRequest[];
  /** In the order of arrival. */
  line: readonly (SlotRequest & { since: number })[];
  /** null: none is known, or the server can serve several models at once. */
  loaded: LoadedModel | null;
  now: number;
}

/**
 * At a server that loads one model at a time, turns for the loaded model go first until one for another model has waited this
 * long: loading a large model takes as long as some answers.
 */
export const MODEL_TURN_MS = 30_000;
/** The loaded model stays reserved this long after its last request: a turn asks again after its tools. */
export const MODEL_LINGER_MS = 1_000;

/**
 * The decision of `slot.lua`, for one process. The next slot goes to the user who holds fewest, then to the request that came
 * first. @returns 0 when the request at `index` of the line gets a slot now, else its position in the queue, from 1
 */
export function positionInQueue(state: SlotState, index: number, limits: SlotLimits, swaps: boolean): number {
  const taken = count(state.holders.map(({ model }) => model));
  const held = count(state.holders.map(({ user }) => user));
  const queue = state.line.map(({ user, model }, at) => {
    held.set(user, (held.get(user) ?? 0) + 1);
    return { at, model, share: held.get(user) ?? 0 };
  });
  queue.sort((a, b) => a.share - b.share || a.at - b.at);
  let free = (limits.server ?? Number.POSITIVE_INFINITY) - state.holders.length;
  let allowed = swaps ? allowedModel(state, taken) : null;
  for (const [place, { at, model }] of queue.entries()) {
    const isUsable =
      free > 0 &&
      (taken.get(model) ?? 0) < (limits.model ?? Number.POSITIVE_INFINITY) &&
      (allowed === null || model === allowed);
    if (at === index) return isUsable ? 0 : place + 1;
    if (!isUsable) continue;
    free -= 1;
    taken.set(model, (taken.get(model) ?? 0) + 1);
    if (swaps) allowed = model;
  }
  throw new Error("the request does not wait");
}

/** @returns the only model that may take a slot now; null when any may */
function allowedModel({ loaded, line, now }: SlotState, taken: ReadonlyMap<string, number>): string | null {
  if (loaded === null) return null;
  const other = line.find(({ model }) => model !== loaded.model);
  if (!other) return loaded.model;
  if (now - Math.max(loaded.since, other.since) >= MODEL_TURN_MS) return other.model;
  const isUsed = taken.has(loaded.model) || line.some(({ model }) => model === loaded.model);
  return isUsed || now - loaded.used < MODEL_LINGER_MS ? loaded.model : null;
}

function count(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
