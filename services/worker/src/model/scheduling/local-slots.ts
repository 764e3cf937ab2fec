// PURE
/** Limits of concurrent requests: of a server, and of one model on it. null: no limit. */
export interface SlotLimits {
  server: number | null;
  model: number | null;
}

/** The slots that this process holds. While Redis is away, the limits apply only within each process. */
export interface LocalSlots {
  isFree(server: string, model: string, limits: SlotLimits): boolean;
  enter(server: string, model: string): void;
  leave(server: string, model: string): void;
}

export function createLocalSlots(): LocalSlots {
  const held = new Map<string, number>();
  const change = (key: string, by: number) => {
    const count = (held.get(key) ?? 0) + by;
    if (count > 0) held.set(key, count);
    else held.delete(key);
  };
  const modelKey = (server: string, model: string) => `${server}/${model}`;
  return {
    isFree: (server, model, limits) =>
      (held.get(server) ?? 0) < (limits.server ?? Number.POSITIVE_INFINITY) &&
      (held.get(modelKey(server, model)) ?? 0) < (limits.model ?? Number.POSITIVE_INFINITY),
    enter(server, model) {
      change(server, 1);
      change(modelKey(server, model), 1);
    },
    leave(server, model) {
      change(server, -1);
      change(modelKey(server, model), -1);
    },
  };
}
