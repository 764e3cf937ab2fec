import { backOff } from "./back-off.ts";
import { BooCodeError } from "./boo-code-error.ts";
import { pause } from "./clock.ts";
import type { ClientInternals } from "./create-client.ts";

export interface ReloaderDeps {
  client: ClientInternals;
  /** Loads once. @returns false when what was loaded is known to be older than what there is */
  load(): Promise<boolean>;
  /** A load was refused in a way that trying again does not help. */
  onFailed(error: BooCodeError): void;
  signal: AbortSignal;
}

/** Loads by REST, one load at a time, again after failures, until what was asked for is there. */
export interface Reloader {
  /** @param isDone looked at after each load: whether this wish is fulfilled */
  reload(isDone?: () => boolean): Promise<void>;
  isLoading(): boolean;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createReloader(deps: ReloaderDeps): Reloader {
  let wishes: (() => boolean)[] = [];
  let loading: Promise<void> | null = null;

  async function run(): Promise<void> {
    for (let failures = 0; !deps.signal.aborted; failures += 1) {
      try {
        const isNewest = await deps.load();
        wishes = wishes.filter((isDone) => !isDone());
        if (isNewest && wishes.length === 0) return;
      } catch (error) {
        if (deps.signal.aborted) return;
        const known =
          error instanceof BooCodeError ? error : new BooCodeError("unexpected", String(error), { cause: error });
        if (!known.retryable) return deps.onFailed(known);
      }
      await pause(deps.client.clock, backOff(failures, deps.client.random()), deps.signal);
    }
  }

  return {
    async reload(isDone) {
      if (isDone) wishes.push(isDone);
      loading ??= run().finally(() => {
        loading = null;
        wishes = [];
      });
      await loading;
    },
    isLoading: () => loading !== null,
    async idle() {
      await loading;
    },
  };
}
