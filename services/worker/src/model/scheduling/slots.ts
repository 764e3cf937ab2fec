import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { every, type Redis } from "@boocode/runtime";
import { createLocalSlots, type LocalRequest } from "./local-slots.ts";
import { MODEL_LINGER_MS, MODEL_TURN_MS } from "./queue-order.ts";

const script = readFileSync(new URL("slot.lua", import.meta.url), "utf8");

/** The slots at model servers, shared by all workers. */
export interface Slots {
  /**
   * Waits for a slot. The next one goes to the user who holds fewest, then to the request that came first; an abort leaves the
   * queue at once. Without Redis it does not fail, but limits and order then apply only within this process.
   * @param onWait called when no slot is free at once, and at most once a second when `ahead`, the number of requests that get a
   * slot before this one, has changed
   * @returns a function that frees the slot
   */
  take(wanted: LocalRequest, signal: AbortSignal, onWait: (ahead: number) => void): Promise<() => void>;
  /** Signals to all workers, for a short time, that a turn waits for this server. */
  wait(server: string): void;
  /** Whether a turn of any worker waits for this server; false while Redis is away. */
  isWaiting(server: string): Promise<boolean>;
  stop(): Promise<void>;
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
const TELL_EVERY_MS = 1_000;
/** TTL of the signal that a turn waits. The turn repeats it more often. */
const WAITING_MS = 600;

interface Ticket extends LocalRequest {
  id: string;
}

type WithScript = Redis & { slot(...args: (string | number)[]): Promise<number> };

export function createSlots(deps: SlotsDeps): Slots {
  deps.redis.defineCommand("slot", { numberOfKeys: 5, lua: script });
  const local = createLocalSlots(() => performance.now());
  const waitingKey = (server: string) => `${deps.keyOf(server)}:waiting`;
  const held = new Set<Ticket>();
  const wakes = new Set<() => void>();

  function run(verb: "take" | "keep" | "free", { id, server, model, limits, swaps }: Ticket): Promise<number> {
    const keys = ["holders", "line", "waiters", "models", "loaded"].map((name) => `${deps.keyOf(server)}:${name}`);
    const sizes = [limits.server ?? 0, limits.model ?? 0, deps.leaseMs, FORGOTTEN_AFTER_MS];
    const swap = [swaps ? MODEL_TURN_MS : 0, MODEL_LINGER_MS];
    return (deps.redis as WithScript).slot(...keys, verb, id, model, ...sizes, ...swap);
  }

  /** Asking and taking are atomic. @returns 0 when the ticket now holds a slot, else its position in the queue, from 1 */
  async function ask(ticket: Ticket): Promise<number> {
    // It also waits here, in case Redis goes away.
    local.ask(ticket);
    const position = await run("take", ticket).catch((error: unknown) => {
      deps.onError(error);
      return local.ask(ticket);
    });
    if (position === 0) {
      held.add(ticket);
      local.enter(ticket);
    }
    return position;
  }

  function free(ticket: Ticket): void {
    held.delete(ticket);
    local.leave(ticket);
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
      if (wanted.limits.server === null && wanted.limits.model === null && !wanted.swaps) return () => {};
      // `slot.lua` reads the user from the ticket, which workers of earlier versions take as it is.
      const ticket = { id: `${wanted.user}/${deps.newTicket()}`, ...wanted };
      let told = { position: 0, at: Number.NEGATIVE_INFINITY };
      for (;;) {
        const position = await ask(ticket);
        if (position === 0) break;
        if (position !== told.position && performance.now() - told.at >= TELL_EVERY_MS) {
          told = { position, at: performance.now() };
          onWait(position - 1);
        }
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
