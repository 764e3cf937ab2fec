import { expect, test } from "vitest";
import { withTimeout } from "./run-tool.ts";

const never = new AbortController().signal;
const ignoresItsSignal = () => new Promise<string>(() => {});

test("withTimeout returns what the work returns", async () => {
  expect(await withTimeout(async () => "done", 1000, never)).toBe("done");
});

test("withTimeout does not wait for work that ignores its signal, on a time-out or on an abort", async () => {
  await expect(withTimeout(ignoresItsSignal, 5, never)).rejects.toThrow(/^timed out after 0.005 s/);
  const controller = new AbortController();
  const running = withTimeout(ignoresItsSignal, 60_000, controller.signal);
  controller.abort(new Error("cancelled"));
  await expect(running).rejects.toThrow("cancelled");
});

test("withTimeout aborts the signal of the work", async () => {
  let given: AbortSignal | undefined;
  const work = (signal: AbortSignal) => {
    given = signal;
    return ignoresItsSignal();
  };
  await expect(withTimeout(work, 5, never)).rejects.toThrow();
  expect(given?.aborted).toBe(true);
});
