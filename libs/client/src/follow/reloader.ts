import { backOff } from "../back-off.ts";
import { BooCodeError } from "../boo-code-error.ts";
import { pause } from "../clock.ts";
import type { ClientInternals } from "../create-client.ts";

export interface ReloaderDeps {
  client: ClientInternals;
  /** Loads once. @returns false when the gateway has stated a newer version than what was loaded */
  load(): Promise<boolean>;
  /** REST refused a load with an error that is not retryable. */
  onFailed(error: BooCodeError): void;
  signal: AbortSignal;
}

/** Loads by REST, one load at a time, and repeats a load that failed or was too old. */
export interface Reloader {
  /** Joins the reload that is running, or starts one. Resolves at its end; never rejects. */
  reload(): Promise<void>;
  isLoading(): boolean;
  /** Resolves when no reload is running. */
  idle(): Promise<void>;
}

export function createReloader(deps: ReloaderDeps): Reloader {
  let loading: Promise<void> | null = null;

  async function run(): Promise<void> {
    for (let failures = 0; !deps.signal.aborted; failures += 1) {
      try {
        if (await deps.load()) return;
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
    async reload() {
      loading ??= run().finally(() => {
        loading = null;
      });
      await loading;
    },
    isLoading: () => loading !== null,
    async idle() {
      await loading;
    },
  };
}
