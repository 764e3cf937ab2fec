import { expect, test } from "vitest";
import { withTimeout } from "./run-tool.ts";

const never = new AbortController().signal;
const deaf = () => new Promise<string>(() => {});

test("returns what the work returns", async () => {
  expect(await withTimeout(async () => "done", 1000, never)).toBe("done");
});

test("does not wait for work that does not listen, neither at the end of time nor on an abort", async () => {
  await expect(withTimeout(deaf, 5, never)).rejects.toThrow(/^timed out after 0.005 s/);
  const controller = new AbortController();
  const running = withTimeout(deaf, 60_000, controller.signal);
  controller.abort(new Error("cancelled"));
  await expect(running).rejects.toThrow("cancelled");
});

test("tells the work", async () => {
  let told: AbortSignal | undefined;
  const work = (signal: AbortSignal) => {
    told = signal;
    return deaf();
  };
  await expect(withTimeout(work, 5, never)).rejects.toThrow();
  expect(told?.aborted).toBe(true);
});
