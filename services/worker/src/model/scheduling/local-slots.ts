// PURE
import { type LoadedModel, positionInQueue, type SlotLimits, type SlotRequest } from "./queue-order.ts";

/** A request of this process at one server. */
export interface LocalRequest extends SlotRequest {
  server: string;
  limits: SlotLimits;
  /** Whether the server loads one model at a time. */
  swaps: boolean;
}

/** The slots that this process holds. While Redis is away, limits and order apply only within each process. */
export interface LocalSlots {
  /** Lets the request wait, if it does not yet. @returns 0 when a slot is free for it, else its position in the queue, from 1 */
  ask(request: LocalRequest): number;
  /** The request holds a slot, whoever gave it. */
  enter(request: LocalRequest): void;
  /** The request neither waits nor holds a slot. */
  leave(request: LocalRequest): void;
}

/** @param now a monotonic clock, in milliseconds */
export function createLocalSlots(now: () => number): LocalSlots {
  const holding = new Set<LocalRequest>();
  const waiting = new Map<LocalRequest, number>();
  const loaded = new Map<string, LoadedModel>();
  return {
    ask(request) {
      if (!waiting.has(request)) waiting.set(request, now());
      const line = [...waiting].filter(([{ server }]) => server === request.server);
      const state = {
        holders: [...holding].filter(({ server }) => server === request.server),
        line: line.map(([{ user, model }, since]) => ({ user, model, since })),
        loaded: loaded.get(request.server) ?? null,
        now: now(),
      };
      const index = line.findIndex(([one]) => one === request);
      return positionInQueue(state, index, request.limits, request.swaps);
    },
    enter(request) {
      waiting.delete(request);
      holding.add(request);
      const { model, server } = request;
      const before = loaded.get(server);
      loaded.set(server, { model, since: before?.model === model ? before.since : now(), used: now() });
    },
    leave(request) {
      waiting.delete(request);
      const current = loaded.get(request.server);
      if (holding.delete(request) && current?.model === request.model) current.used = now();
    },
  };
}
