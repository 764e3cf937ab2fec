import { ToolFailure } from "./tool-failure.ts";

/**
 * Runs `work` for at most `ms` milliseconds and returns as soon as it, the time or `signal` ends. The signal given to
 * `work` aborts in both cases; work that does not listen is left behind, never waited for.
 */
export async function withinTime<T>(
  work: (signal: AbortSignal) => Promise<T>,
  ms: number,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
  });
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const timer = setTimeout(() => {
    controller.abort(new ToolFailure(`timed out after ${ms / 1000} s; ask for less: a narrower path, glob or pattern`));
  }, ms);
  try {
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
