import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { every, type Redis } from "@boocode/runtime";
import { createLocalSlots, type SlotLimits } from "./local-slots.ts";

const script = readFileSync(new URL("slot.lua", import.meta.url), "utf8");

/** The slots at model servers, shared by all workers. */
export interface Slots {
  /**
   * Waits for a slot, first come, first served; an abort leaves the queue at once. Without Redis it does not fail, but the
   * limits then apply only within this process.
   * @param onWait called once, when no slot is free at once
   * @returns a function that frees the slot
   */
  take(wanted: Wanted, signal: AbortSignal, onWait: () => void): Promise<() => void>;
  /** Signals to all workers, for a short time, that a turn waits for this server. */
  wait(server: string): void;
  /** Whether a turn of any worker waits for this server; false while Redis is away. */
  isWaiting(server: string): Promise<boolean>;
  stop(): Promise<void>;
}

/** The slot that a request needs. */
interface Wanted {
  server: string;
  model: string;
  limits: SlotLimits;
}

export interface SlotsDeps {
  redis: Redis;
  /** The key prefix of one server. */
  keyOf(server: string): string;
  /** Unique across all workers and requests. */
  newTicket(): string;
  leaseMs: number;
  onError(error: unknown): void;
}

/** How often a waiter asks, and the silence after which it is removed. */
const ASK_EVERY_MS = 200;
const FORGOTTEN_AFTER_MS = 3_000;
/** TTL of the signal that a turn waits. The turn repeats it more often. */
const WAITING_MS = 600;

interface Ticket extends Wanted {
  id: string;
}

type WithScript = Redis & { slot(...args: (string | number)[]): Promise<number> };

export function createSlots(deps: SlotsDeps): Slots {
  deps.redis.defineCommand("slot", { numberOfKeys: 4, lua: script });
  const local = createLocalSlots();
  const waitingKey = (server: string) => `${deps.keyOf(server)}:waiting`;
  const held = new Set<Ticket>();
  const wakes = new Set<() => void>();

  function run(verb: "take" | "keep" | "free", { id, server, model, limits }: Ticket): Promise<number> {
    const keys = ["holders", "line", "waiters", "models"].map((name) => `${deps.keyOf(server)}:${name}`);
    const sizes = [limits.server ?? 0, limits.model ?? 0, deps.leaseMs, FORGOTTEN_AFTER_MS];
    return (deps.redis as WithScript).slot(...keys, verb, id, model, ...sizes);
  }

  /** @returns whether the ticket now holds a slot. Asking and taking are atomic. */
  async function ask(ticket: Ticket): Promise<boolean> {
    let isFree: boolean;
    try {
      isFree = (await run("take", ticket)) === 0;
    } catch (error) {
      deps.onError(error);
      isFree = local.isFree(ticket.server, ticket.model, ticket.limits);
    }
    if (isFree) {
      held.add(ticket);
      local.enter(ticket.server, ticket.model);
    }
    return isFree;
  }

  function free(ticket: Ticket): void {
    if (held.delete(ticket)) local.leave(ticket.server, ticket.model);
    run("free", ticket).then(wakeAll, wakeAll);
  }

  /** Lets the waiters of this process ask again at once, because it has freed a slot. */
  const wakeAll = () => {
    for (const wake of wakes) wake();
  };

  async function pause(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    wakes.add(wake);
    await sleep(ASK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {});
    wakes.delete(wake);
  }

  const stop = every(
    () => deps.leaseMs / 3,
    () => Promise.all([...held].map((ticket) => run("keep", ticket))),
    deps.onError,
  );

  return {
    async take(wanted, signal, onWait) {
      signal.throwIfAborted();
      if (wanted.limits.server === null && wanted.limits.model === null) return () => {};
      const ticket = { id: deps.newTicket(), ...wanted };
      for (let asked = 1; !(await ask(ticket)); asked++) {
        if (asked === 1) onWait();
        await pause(signal);
        if (signal.aborted) {
          free(ticket);
          throw signal.reason;
        }
      }
      if (signal.aborted) {
        free(ticket);
        throw signal.reason;
      }
      return () => {
        if (held.has(ticket)) free(ticket);
      };
    },
    wait: (server) => void deps.redis.set(waitingKey(server), "1", "PX", WAITING_MS).catch(() => {}),
    async isWaiting(server) {
      return (await deps.redis.exists(waitingKey(server)).catch(() => 0)) > 0;
    },
    stop,
  };
}
